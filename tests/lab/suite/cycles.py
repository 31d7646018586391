# SPDX-License-Identifier: Apache-2.0
"""Domains that come and go by the dozen leave nothing behind: no series, no zombie, no mapping, no descriptor."""

import re
import time

from xenlab.guests import wait_for

DEADLINE = 300
LONG_DEADLINE = 1800
UNMAPPED = 1.0  # seconds after a death; a machine that does other things too may add SLACK
SLACK = 2.0


def value(metrics, name):
    (_, number), = metrics.family(name)
    return number


def holdings(lab):
    """What the exporter holds: (mappings of privcmd, frames by its own account, descriptors)."""
    maps = lab.dom0.run("cat", f"/proc/{lab.exporter.pid}/maps").text
    fds = lab.dom0.run("ls", f"/proc/{lab.exporter.pid}/fd").text.split()
    return maps.count("/dev/xen/privcmd"), value(lab.scrape(), "xen_exporter_mapped_frames"), len(fds)


def settled_holdings(lab):
    """The same twice: no connection of a moment ago among the descriptors."""
    def twice():
        first = holdings(lab)
        time.sleep(1)
        return first if holdings(lab) == first else None

    return wait_for("the exporter to settle", twice)


def listed(lab):
    """Every domid that Xen still knows, zombies too."""
    return {int(line.split()[-5]) for line in lab.dom0.run("xl", "list").text.splitlines()[1:]}


def series(text):
    """The samples of domains, without their values."""
    return {line.rpartition(" ")[0] for line in text.splitlines() if re.match(r"xen_(domain|vcpu)_", line)}


def live_and_die(lab, number):
    """One life, by xl or as a mere shell; every other one ends before it was seen with certainty."""
    if number % 4 == 3:
        domids = lab.guests.tool("shells", "create", 3, 2).text.split()
        if number % 8 == 3:
            wait_for("the shells", lambda: set(domids) <= {labels["domid"] for labels in lab.scrape().domains().values()})
        lab.guests.tool("shells", "destroy", *domids)
        return
    name = f"cycle-{number}"
    uuid = lab.guests.create(name, "pvh" if number % 8 == 6 else "pv", ("busy", "idle", "switching")[number % 3], vcpus=1 + number % 2)
    if number % 2 == 0:
        wait_for(name, lambda: uuid in lab.scrape().domains())
    lab.guests.destroy(name)


def test_cycles_leave_nothing_behind(lab):
    # Catches: a mapping or an fd lost for each domain, series of the dead, a domain kept alive by being watched.
    cycles = lab.scale(12, 100)
    lab.exporter.stop()  # the longest delay is since its start
    lab.exporter.start()
    before, known, shown = settled_holdings(lab), listed(lab), series(lab.scrape().text)
    for number in range(cycles):
        lab.progress(f"cycle {number} of {cycles}")
        live_and_die(lab, number)
    wait_for("the end of all", lambda: series(lab.scrape().text) == shown)
    wait_for("their end in Xen", lambda: listed(lab) == known, patience=10)
    wait_for(f"mappings, frames and descriptors as before, {before}", lambda: holdings(lab) == before)
    delay = value(lab.scrape(), "xen_exporter_unmap_delay_longest_seconds")
    assert 0 < delay < UNMAPPED + lab.scale(SLACK, 0), f"unmapped up to {delay} s after death"
    return f"{cycles} cycles; unmapped at most {delay:.3f} s after death; {before[0]} mappings, {before[2]} descriptors as before"
