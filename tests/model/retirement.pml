/* SPDX-License-Identifier: Apache-2.0 */
/* How a frame of a dead domain's table is freed, once nobody has it mapped.
 *
 * A page has a count of references, of which one goes with the mark "allocated" and is Xen's. Whoever maps
 * the page takes a reference, provided that the count is not 0, and drops it when done. Whoever drops the last
 * one takes the page from its owner's list, which is another step: someone else may act in between.
 *
 * The sweep frees the page if Xen's reference is the only one. It replaces mark and count by nothing in one
 * compare-and-exchange, and leaves the page for a later sweep if that fails. All accesses to the count are full
 * barriers, so the order in which Spin performs them is the order in which everyone sees them.
 *
 * TEST_PUT_FREE is what suggests itself, and is wrong: look whether the count is 1, drop the reference, and free
 * the page if the count is 0 then. NEVER_FREED and NEVER_SKIPPED claim
 * what has to be refuted, or all this would be idle.
 */

#define MAPPERS 2
#define TRIES   2 /* How often each of them maps the page. */
#define SWEEPS  3

byte count = 1;
bool allocated = true;
bool listed = true; /* On its owner's list. */
bool freed = false; /* Back in the heap, and anybody's. */
byte mapped;        /* How many have it mapped. */
byte finished;

/* Is called free_domheap_page() for a page of Xen's heap. */
inline take_from_list()
{
    d_step {
        assert(!freed && listed);
        listed = false
    }
}

inline give_back()
{
    d_step {
        /* This much Xen would notice itself. */
        assert(!freed && mapped == 0 && count == 0);
        freed = true
    }
}

inline drop_reference(last)
{
    d_step {
        assert(!freed && count > 0);
        count--;
        last = count == 0
    };
    if
    :: last -> take_from_list()
    :: else
    fi
}

active [MAPPERS] proctype mapper()
{
    byte tries;
    bool last, has_it;

    do
    :: tries < TRIES ->
        tries++;
        /* It may have been freed since its number was told, in which case the count is 0. */
        d_step {
            has_it = count > 0;
            if
            :: has_it -> count++; mapped++
            :: else
            fi
        };
        if
        :: has_it ->
            assert(!freed);
            mapped--;
            drop_reference(last)
        :: else
        fi
    :: else -> break
    od;
    finished++
}

inline sweep()
{
#ifdef TEST_PUT_FREE
    if
    :: count == 1 && allocated ->
        allocated = false;
        drop_reference(last);
        if
        :: count == 0 -> give_back()
        :: else
        fi
    :: !allocated && count == 0 && !freed -> give_back()
    :: else
    fi
#else
    d_step {
        done = allocated && count == 1;
        if
        :: done -> allocated = false; count = 0
        :: else
        fi
    };
    if
    :: done -> take_from_list(); give_back()
    :: else
    fi
#endif
}

active proctype sweeper()
{
    byte sweeps;
    bool done, last;

    do
    :: sweeps < SWEEPS && !freed -> sweeps++; sweep()
    :: else -> break
    od;
    /* Once nobody has it mapped, one further sweep is enough. */
    finished == MAPPERS;
    if
    :: !freed -> sweep()
    :: else
    fi;
    assert(freed && !listed);
#ifdef NEVER_FREED
    assert(!freed)
#endif
#ifdef NEVER_SKIPPED
    assert(sweeps == 1)
#endif
}
