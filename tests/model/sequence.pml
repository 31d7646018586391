/* SPDX-License-Identifier: Apache-2.0 */
/* The sequence protocol of the records, on a memory that keeps no order which nobody asked for.
 *
 * Spin by itself has every store seen by all at once and in order, so the disorder is spelled out:
 *
 *  - The writer's stores wait in a buffer and reach memory in any order. A write barrier parts the buffer: what
 *    comes after it waits for all that comes before it.
 *  - The reader's loads happen in any order. A read barrier parts them in the same way.
 *  - The reader loads from a cache of its own, which follows memory place by place, in any order and as late
 *    as it likes. A read barrier has it catch up with what has reached memory by then.
 *
 * Two stores to one place, and two loads from one, stay in order: every machine sees to that.
 *
 * A record has two fields, both of which the n-th update sets to n. The reader makes one attempt, at any time;
 * a further attempt would be just another one.
 *
 * With each of NO_WRITE_BARRIER_1, NO_WRITE_BARRIER_2, NO_READ_BARRIER_1 and NO_READ_BARRIER_2 one of the four
 * barriers is gone, and there has to be a torn record which the reader accepts. So that this is not all idle,
 * NEVER_ACCEPTS_OLD, _FIRST, _SECOND and NEVER_REFUSES claim what has to be refuted, too.
 */

#define SEQ    0 /* Places in memory. */
#define FIRST  1
#define SECOND 2

byte memory[3];
byte cache[3];

/* The stores in the order of the program, a bit each: odd number, two fields, even number, and again. */
#define ODD_1    0
#define FIRST_1  1
#define SECOND_1 2
#define EVEN_1   3
#define ODD_2    4
#define FIRST_2  5
#define SECOND_2 6
#define EVEN_2   7
#define BIT(n)    (1 << (n))
#define BEFORE(n) (BIT(n) - 1)

/* What has to be in memory before what comes behind a barrier of the first or of the second update. */
#ifdef NO_WRITE_BARRIER_1
#define ODD_1_DONE 0
#define ODD_2_DONE 0
#else
#define ODD_1_DONE BEFORE(FIRST_1)
#define ODD_2_DONE BEFORE(FIRST_2)
#endif
#ifdef NO_WRITE_BARRIER_2
#define FIELDS_1_DONE 0
#define FIELDS_2_DONE 0
#else
#define FIELDS_1_DONE BEFORE(EVEN_1)
#define FIELDS_2_DONE BEFORE(EVEN_2)
#endif

byte stored;

#define STORE(n, needed, place, value)                                                              \
    :: d_step {                                                                                     \
        !(stored & BIT(n)) && (stored & (needed)) == (needed) ->                                    \
        memory[place] = value;                                                                      \
        stored = stored | BIT(n)                                                                    \
    }

active proctype writer()
{
end:
    do
    STORE(ODD_1,    0,                                                    SEQ,    1)
    STORE(FIRST_1,  ODD_1_DONE,                                           FIRST,  1)
    STORE(SECOND_1, ODD_1_DONE,                                           SECOND, 1)
    STORE(EVEN_1,   BIT(ODD_1) | ODD_1_DONE | FIELDS_1_DONE,              SEQ,    2)
    STORE(ODD_2,    BIT(EVEN_1) | ODD_1_DONE | FIELDS_1_DONE,             SEQ,    3)
    STORE(FIRST_2,  BIT(FIRST_1) | ODD_2_DONE | FIELDS_1_DONE,            FIRST,  2)
    STORE(SECOND_2, BIT(SECOND_1) | ODD_2_DONE | FIELDS_1_DONE,           SECOND, 2)
    STORE(EVEN_2,   BIT(ODD_2) | ODD_2_DONE | FIELDS_2_DONE,              SEQ,    4)
    od
}

active proctype follow()
{
end:
    do
    :: d_step { cache[SEQ] != memory[SEQ] -> cache[SEQ] = memory[SEQ] }
    :: d_step { cache[FIRST] != memory[FIRST] -> cache[FIRST] = memory[FIRST] }
    :: d_step { cache[SECOND] != memory[SECOND] -> cache[SECOND] = memory[SECOND] }
    od
}

/* The reader's loads and barriers in the order of the program. */
#define LOAD_SEQ      0
#define READ_BARRIER_1 1
#define LOAD_FIRST    2
#define LOAD_SECOND   3
#define READ_BARRIER_2 4
#define LOAD_AGAIN    5

#ifdef NO_READ_BARRIER_1
#define BARRIER_1_DONE 0
#else
#define BARRIER_1_DONE BIT(READ_BARRIER_1)
#endif
#ifdef NO_READ_BARRIER_2
#define BARRIER_2_DONE 0
#else
#define BARRIER_2_DONE BIT(READ_BARRIER_2)
#endif
/* A barrier that is gone does nothing, and nobody waits for it. */
#define ALL_LOADED (BIT(LOAD_SEQ) | BIT(LOAD_FIRST) | BIT(LOAD_SECOND) | BIT(LOAD_AGAIN))
#define BEFORE_1   BIT(LOAD_SEQ)
#define BEFORE_2   (BIT(LOAD_SEQ) | BARRIER_1_DONE | BIT(LOAD_FIRST) | BIT(LOAD_SECOND))

#define LOAD(n, needed, place, variable)                                                            \
    :: d_step {                                                                                     \
        !(loaded & BIT(n)) && (loaded & (needed)) == (needed) ->                                    \
        variable = cache[place];                                                                    \
        loaded = loaded | BIT(n)                                                                    \
    }
#define CATCH_UP(n, needed)                                                                         \
    :: d_step {                                                                                     \
        !(loaded & BIT(n)) && (loaded & (needed)) == (needed) ->                                    \
        cache[SEQ] = memory[SEQ];                                                                   \
        cache[FIRST] = memory[FIRST];                                                               \
        cache[SECOND] = memory[SECOND];                                                             \
        loaded = loaded | BIT(n)                                                                    \
    }

active proctype reader()
{
    byte loaded, seq, again, first, second;

    do
    LOAD(LOAD_SEQ, 0, SEQ, seq)
#ifndef NO_READ_BARRIER_1
    CATCH_UP(READ_BARRIER_1, BEFORE_1)
#endif
    LOAD(LOAD_FIRST, BARRIER_1_DONE, FIRST, first)
    LOAD(LOAD_SECOND, BARRIER_1_DONE, SECOND, second)
#ifndef NO_READ_BARRIER_2
    CATCH_UP(READ_BARRIER_2, BEFORE_2)
#endif
    LOAD(LOAD_AGAIN, BIT(LOAD_SEQ) | BARRIER_1_DONE | BARRIER_2_DONE, SEQ, again)
    :: (loaded & ALL_LOADED) == ALL_LOADED -> break
    od;

    if
    :: seq % 2 == 0 && again == seq ->
        /* Accepted: all of one update, and of the one that the number tells. */
        assert(first == seq / 2 && second == seq / 2);
#ifdef NEVER_ACCEPTS_OLD
        assert(seq != 0)
#endif
#ifdef NEVER_ACCEPTS_FIRST
        assert(seq != 2)
#endif
#ifdef NEVER_ACCEPTS_SECOND
        assert(seq != 4)
#endif
    :: else ->
#ifdef NEVER_REFUSES
        assert(false)
#else
        skip
#endif
    fi
}
