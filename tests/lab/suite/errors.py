# SPDX-License-Identifier: Apache-2.0
"""Who asks for what there is not, or may not have it, gets a clear error and breaks nothing."""

import errno
import os

from xenlab.guests import wait_for
from xenlab.tables import Look

ANSWER = 100  # see guests/guest.h
SHUTDOWN = 4  # XEN_DOMINF_shutdown


def refused(lab, target, frame=0, count=1):
    said = lab.guests.tool("table", "try", target, frame, count).text.strip()
    return said.removeprefix("refused: ") if said.startswith("refused: ") else None


def test_what_does_not_exist_is_refused(lab):
    # Catches: an index past the end of an array, a reserved id taken for a domain, frames of nobody.
    frames = int(lab.guests.tool("table", "size", 0).text)
    no_domain, nonsense = os.strerror(errno.ESRCH), os.strerror(errno.EINVAL)
    cases = [(0x6000, 0, 1, no_domain), (0x7fef, 0, 1, no_domain)]
    cases += [(target, 0, 1, nonsense) for target in (0x7ff0, 0x7ff1, 0x7ff3, 0x7ff4, 0x7fff, 0x8000, 0xffff,
                                                      0x10001, 0x7fffffff, 0x80000000, 0xffffffff)]
    cases += [(0, frame, count, nonsense) for frame, count in (
        (frames, 1), (0, frames + 1), (frames + 1, 1), (1 << 20, 1), (0xffffffff, 1), ((1 << 32) - 1, 2))]
    for target, frame, count, expected in cases:
        why = refused(lab, target, frame, count)
        assert why == expected, f"id {target:#x}, {count} from frame {frame}: {why or 'mapped'}, not {expected}"
    assert refused(lab, 0) is None, "and now Dom0's own table is refused, too"
    return f"{len(cases)} refusals"


def test_a_guest_is_refused(lab):
    # Catches: a hook that lets anybody read what the whole host does.
    told = []
    for kind in ("pv", "pvh"):
        name = f"asker-{kind}"
        lab.guests.create(name, kind, "asking", options=["-e"])
        try:
            domid = str(lab.guests.domid(name))

            def flags():
                return Look(lab.guests, domid).after["domains"][domid]["flags"]

            wait_for(f"{name} to end", lambda: flags() & SHUTDOWN)
            answer = (flags() >> 16 & 255) - ANSWER
            assert answer in (errno.EPERM, errno.EACCES), f"{name} got {errno.errorcode.get(answer, answer)}"
            told.append(f"{kind}: {errno.errorcode[answer]}")
        finally:
            lab.guests.destroy(name)
    return ", ".join(told)


def test_a_dead_domain_is_refused(lab):
    # Catches: tables made anew for a domain that is only kept from vanishing by a page somebody maps.
    lab.guests.create("undead", "pvh")
    domid = lab.guests.domid("undead")
    before = Look(lab.guests, "host").host.host[0]
    log = "/tmp/pin"
    holder = int(lab.dom0.sh(f"setsid /share/tools/table pin {domid} 0x100 </dev/null >{log} 2>&1 & echo $!").text)
    try:
        wait_for("the mapping", lambda: b"held" in lab.dom0.run("cat", log).stdout)
        lab.guests.destroy("undead")
        wait_for("it being refused", lambda: refused(lab, domid) == os.strerror(errno.ESRCH))
        look = Look(lab.guests, "host", domid)
        assert domid in look.host.domids() and domid in look.after["domids"], "it is gone: this proves nothing"
        assert look[domid].error == os.strerror(errno.ESRCH), f"{look[domid].error}"
        assert look.host.host[0].domains_destroyed == before.domains_destroyed
    finally:
        lab.dom0.run("kill", "-KILL", holder, check=False)
    wait_for("its end", lambda: domid not in Look(lab.guests, "host").host.domids())
