# SPDX-License-Identifier: Apache-2.0
"""No copy of a record is torn, and no time is lost or counted twice.

Xen adds to a vCPU's times what passed since it entered its state, and notes the new entry, in one
update: the sum of the times minus the entry time is a constant of each vCPU. tools/torn and the looks
below hold every copy against it. Times come from Xen's own clock, so these tests have no tolerance,
except where a hypercall is on the other side.
"""

import contextlib

from xenlab.guests import wait_for
from xenlab.tables import BLOCKED, OFFLINE, RUNNABLE, RUNNING, Look

DEADLINE = 240
LONG_HOSTS = (
    dict(boot="sched=null", smp="6", guests=False),
    dict(boot="sched-gran=core", smp="4,cores=2,threads=2", guests=False),
    dict(flavour="release"),
    dict(dom0="pvh"),
)
WANDER = 100_000_000  # ns between the clocks of two emulated pCPUs on a busy machine


def kinds(lab):
    # With scheduling by core, Xen lets no PVH guest of this lab live.
    return ("pv",) if "sched-gran=core" in lab.host.boot else ("pv", "pvh")


@contextlib.contextmanager
def guests(lab, does, vcpus=1):
    """One guest of each kind: {name: domid}. The usual ones will do, where there are such."""
    names = [f"{kind}-{does}" for kind in kinds(lab)]
    ours = [name for name in names if name not in lab.guests.listed()]
    for name in ours:
        lab.guests.create(name, name.split("-")[0], does, vcpus=vcpus)
    try:
        yield {name: lab.guests.domid(name) for name in names}
    finally:
        for name in ours:
            lab.guests.destroy(name)


def torn(lab, reads, *words):
    said = lab.guests.tool("torn", reads, *words, timeout=1500).text.split()
    return dict(zip(said[::2], map(int, said[1::2])))


def test_no_copy_is_torn(lab):
    # Catches: a field written outside the sequence, a missing barrier, an update by two writers; and a
    # detector that would call anything whole.
    with guests(lab, "switching", vcpus=2) as switchers:
        found = torn(lab, lab.scale(500_000, 10_000_000), 0, "host", *switchers.values())
        assert found["torn"] == found["back"] == 0, found
        assert found["updates"] > 20, f"hardly anything changed: it proves nothing: {found}"
        for _ in range(lab.scale(10, 100)):
            bad = torn(lab, 200_000, "unprotected", *switchers.values())
            if bad["torn"]:
                told = ", ".join(f"{value} {name}" for name, value in found.items())
                return f"{told}; without the protocol {bad['torn']} of {bad['reads']} torn"
    raise AssertionError(f"nothing torn even without the protocol: it proves nothing: {bad}")


def between(look, domid, vcpu):
    """The record, and whether libxenctrl agrees with its running time."""
    record = look.vcpus()[domid, vcpu]
    low = look.before["domains"][str(domid)]["vcpus"][vcpu]["time"]
    high = look.after["domains"][str(domid)]["vcpus"][vcpu]["time"]
    # The record was read somewhere between the two; what it says for either end encloses the truth.
    least, most = (record.times(look.before["now"] - WANDER)[RUNNING] if record.state == RUNNING else record.time[RUNNING],
                   record.times(look.after["now"] + WANDER)[RUNNING] if record.state == RUNNING else record.time[RUNNING])
    assert least <= high + WANDER and most >= low - WANDER, \
        f"domain {domid} vCPU {vcpu}: {least} to {most} by its record, {low} to {high} by libxenctrl"
    return record


def test_states_are_conserved_through_a_pause(lab):
    # Catches: time lost or doubled when a paused vCPU stops and goes on; a state not entered.
    told = []
    for does, expected in (("busy", (RUNNING, RUNNABLE)), ("idle", (BLOCKED,))):
        with guests(lab, does) as ours:
            for name, domid in ours.items():
                constants = set()

                def state(where, domid=domid, constants=constants):
                    record = between(Look(lab.guests, domid), domid, 0)
                    constants.add(record.constant)
                    return record if record.state in where else None

                first = wait_for(f"{name} in state {expected}", lambda: state(expected))
                lab.dom0.run("xl", "pause", name)
                try:
                    paused = wait_for(f"{name} paused", lambda: state((OFFLINE,) if does == "busy" else (BLOCKED, OFFLINE)))
                    later = wait_for(f"{name} still paused", lambda: state((paused.state,)))
                    assert later.time[RUNNING] == paused.time[RUNNING], f"{name} ran while paused"
                finally:
                    lab.dom0.run("xl", "unpause", name)
                again = wait_for(f"{name} going on", lambda: state(expected))
                if does == "busy":
                    assert again.time[OFFLINE] > first.time[OFFLINE], f"{name}: its pause left no trace"
                assert len(constants) == 1, f"{name}: sum of the times minus the entry time was {sorted(constants)}"
                told.append(name)
    return ", ".join(told)


def test_running_time_by_the_record_and_by_hypercall(lab):
    # Catches: a record that lags behind the runstate it publishes, or runs ahead of it.
    rounds, compared = lab.scale(10, 100), 0
    with guests(lab, "switching" if lab.long else "busy"):
        for _ in range(rounds):
            look = Look(lab.guests, "all")
            for domid, vcpu in look.vcpus():
                if str(domid) in look.before["domains"] and str(domid) in look.after["domains"]:
                    between(look, domid, vcpu)
                    compared += 1
    assert compared >= rounds * (2 + len(kinds(lab))), "too few to prove anything"  # Dom0 has two vCPUs
    return f"{compared} readings"
