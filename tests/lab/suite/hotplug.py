# SPDX-License-Identifier: Apache-2.0
"""A pCPU goes and comes back: its record stands still meanwhile, and nothing is lost."""

import time

from xenlab.guests import wait_for
from xenlab.tables import NOT_AVAILABLE, OFFLINE, PCPU_ONLINE, RUNNING, Look

HOST = dict(guests=False, exporter=False)
LONG = True
DEADLINE = LONG_DEADLINE = 600
CPU = 3
WANDER = 100_000_000  # ns, see conservation.py


def record_of(look):
    return look.host.pcpu[CPU]


def hptool(lab, verb):
    # The tool says how it went only in words; Xen may be busy for a moment.
    wait_for(f"{verb} of pCPU {CPU}", lambda: "fail" not in (lambda said: said.text + said.stderr.decode())(
        lab.dom0.run("xen-hptool", verb, CPU, check=False)), patience=60)


def test_an_offline_pcpu_when_first_looked_at(lab):
    # Catches: per-CPU data looked at that have been freed. It must be the first on its host to acquire anything.
    hptool(lab, "cpu-offline")
    gone = record_of(Look(lab.guests, "host"))
    assert gone.valid and not gone.flags & PCPU_ONLINE and gone.state == OFFLINE
    assert gone.counting_since > gone.state_entry_time, "somebody has looked before: this proves nothing"
    hptool(lab, "cpu-online")
    back = record_of(Look(lab.guests, "host"))
    assert back.flags & PCPU_ONLINE and back.constant == gone.constant
    assert back.online_time == gone.online_time == sum(gone.time[:3])
    return f"{gone.online_time / 1e9:.1f} s online before"


def busy_while(lab, test):
    """With guests on the pCPU and its neighbour: whoever ran there must go elsewhere, and Dom0 has the others."""
    names = {"worker-busy": "busy", "worker-switching": "switching"}
    for name, does in names.items():
        lab.guests.create(name, "pv", does, vcpus=2, cpus=f"{CPU - 1}-{CPU}")
    try:
        return test()
    finally:
        for name in names:
            lab.guests.destroy(name)


def test_offline_and_online(lab):
    # Catches: idle time that goes on, or starts anew, or jumps; a pointer to a freed record.
    def rounds():
        count, constant = lab.scale(2, 20), record_of(Look(lab.guests, "host")).constant
        online, last = 0, None
        for number in range(count):
            before = Look(lab.guests, "host")
            hptool(lab, "cpu-offline")
            gone = Look(lab.guests, "host")
            record = record_of(gone)
            assert record.valid and not record.flags & PCPU_ONLINE and record.state == OFFLINE
            assert record.online_since == NOT_AVAILABLE
            assert record.time[RUNNING] >= record_of(before).time[RUNNING]
            wait_for("one pCPU less", lambda: Look(lab.guests, "host").host.host[0].cpus_online
                     == before.before["physical"]["nr_cpus"] - 1)
            time.sleep(2)
            later = record_of(Look(lab.guests, "host"))
            assert later.time[RUNNING] == record.time[RUNNING], "it idles while it is off"
            assert later.online_time == record.online_time
            assert later.constant == constant, f"{later.constant}, at the beginning {constant}"
            hptool(lab, "cpu-online")
            back = Look(lab.guests, "host")
            last = record_of(back)
            assert last.valid and last.flags & PCPU_ONLINE and last.state != OFFLINE
            assert last.time[OFFLINE] - record.time[OFFLINE] >= 1_900_000_000, "the time offline is missing"
            assert last.constant == constant, f"{last.constant}, at the beginning {constant}"
            assert last.online_since > record.state_entry_time and last.online_time == record.online_time
            assert last.context_switches >= record.context_switches
            now = back.after["now"]
            up = last.online_time + now - last.online_since
            assert abs(sum(last.times(now)[:3]) - up) < WANDER, f"{sum(last.times(now)[:3])} of {up} ns"
            found = lab.guests.tool("torn", 50_000, "host").text.split()
            assert dict(zip(found[::2], found[1::2]))["torn"] == "0", found
            online += 1
            lab.progress(f"{number + 1} of {count} rounds")
        return f"{online} rounds, {last.online_time / 1e9:.1f} s online before the last"

    return busy_while(lab, rounds)
