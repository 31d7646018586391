# SPDX-License-Identifier: Apache-2.0
"""Xen's performance counters against xenperf, which asks by hypercall."""

import re
import time

from xenlab.tables import Look

HOST = dict(flavour="perf")
LONG = True
FOLDED = 4  # seconds in which every CPU has added what it counted
COUNTER, GAUGE, SINGLE = 1, 2, 0xffffffff


class Xenperf:
    """What xenperf prints: a total, and values by CPU, or by element if the counter is an array."""

    def __init__(self, lab):
        lines = (re.match(r"(.*?) +T= *(\d+) *([\d ]*)$", line)
                 for line in lab.dom0.run("xenperf", "-f").text.splitlines())
        found = [line.groups() for line in lines if line]
        self.totals = {name: int(total) for name, total, _ in found}
        self.values = {name: list(map(int, values.split())) for name, _, values in found}

    def get(self, key):
        name, element = key
        if element is None:
            return self.totals[name]
        return self.values[name][element] if self.values[name] else 0  # not printed while all are 0


def table(lab):
    records = [record for record in Look(lab.guests, "host").host.perfc if record.valid]
    assert records, "this Xen has performance counters, but no record of them"
    return {(bytes(r.name).split(b"\0")[0].decode(), None if r.element == SINGLE else r.element): r for r in records}


def test_counters_grow_as_xenperf_says(lab):
    # Catches: a counter under another's name, a CPU left out, an array shifted, deltas folded twice.
    outer = Xenperf(lab)
    time.sleep(FOLDED)
    first = table(lab)
    inner = Xenperf(lab)
    lab.guests.create("work", "pv", "switching", vcpus=2)
    time.sleep(lab.scale(5, 20))
    lab.guests.destroy("work")
    inner_end = Xenperf(lab)
    time.sleep(FOLDED)
    last = table(lab)
    outer_end = Xenperf(lab)
    grew, compared = 0, 0
    odd = {name for name, _ in first} ^ set(outer.totals)
    assert not odd, f"only in the table, or only in xenperf: {sorted(odd)[:5]}"
    for key, record in last.items():
        if record.type != COUNTER:
            continue
        grown = record.value - first[key].value
        # The table lags by what is not folded yet, so its first value may be from before the inner reading.
        least, most = inner_end.get(key) - inner.get(key), outer_end.get(key) - outer.get(key)
        assert least <= grown <= most, f"{key}: grew by {grown}, by xenperf at least {least} and at most {most}"
        compared += 1
        grew += grown > 0
    assert grew > 20, f"only {grew} counters grew: it proves nothing"
    return f"{compared} counters, of which {grew} grew"


def test_a_reset_does_not_reach_the_table(lab):
    # Catches: a total that falls when somebody resets Xen's own counters.
    before = table(lab)
    lab.dom0.run("xenperf", "-r")
    time.sleep(FOLDED)
    after = table(lab)
    for key, record in before.items():
        if record.type == COUNTER:
            assert after[key].value >= record.value, f"{key} fell from {record.value} to {after[key].value}"
    return f"{len(before)} records"
