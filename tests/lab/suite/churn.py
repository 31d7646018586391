# SPDX-License-Identifier: Apache-2.0
"""Domains by the hundred come and go, and every page comes back."""

import signal

from xenlab.guests import wait_for
from xenlab.tables import Look

DEADLINE = 300


def host_record(lab):
    return Look(lab.guests, "host").host.host[0]


def settled(lab):
    """The host's record when nothing is retired: a look is an acquire, and each of them sweeps."""
    return wait_for("no retired pages", lambda: (lambda record: record if record.pages_retired == 0 else None)(host_record(lab)))


class Holder:
    """A process in Dom0 that maps tables and keeps them until it is told to let go."""

    def __init__(self, lab, *domids):
        self.lab = lab
        self.log = f"/tmp/hold-{domids[0]}"
        self.pid = int(lab.dom0.sh(f"setsid /share/tools/table hold {' '.join(map(str, domids))} "
                                   f"</dev/null >{self.log} 2>&1 & echo $!").text)
        wait_for("the mapping", lambda: b"held" in lab.dom0.run("cat", self.log).stdout)

    def let_go(self):
        self.lab.dom0.run("kill", f"-{signal.SIGKILL.value}", self.pid, check=False)
        wait_for("the holder's end", lambda: self.lab.dom0.run("test", "-d", f"/proc/{self.pid}", check=False).status)


def test_pages_come_back(lab):
    # Catches: pages freed while mapped, or never; a count that drifts; a domain kept by its mapping.
    lab.exporter.stop()  # it would sweep, too, and map the same domains
    cycles, at_once = lab.scale(20, 200), 10
    try:
        baseline = settled(lab)
        for number in range(cycles // at_once):
            domids = lab.guests.tool("shells", "create", at_once, 20).text.split()
            holder = Holder(lab, *domids)
            try:
                during = host_record(lab)
                frames = int(lab.guests.tool("table", "size", domids[0]).text)
                assert during.pages == baseline.pages + at_once * frames, f"{during.pages} pages, before {baseline.pages}, {at_once} x {frames}"
                lab.guests.tool("shells", "destroy", *domids)
                kept = wait_for("ten retired tables", lambda: (lambda r: r if r.pages_retired == at_once * frames else None)(host_record(lab)))
                assert kept.pages == during.pages, f"{kept.pages} pages while mapped, {during.pages} before"
            finally:
                holder.let_go()
            after = settled(lab)
            assert after.pages == baseline.pages, f"{after.pages} pages, at the beginning {baseline.pages}"
            lab.progress(f"{(number + 1) * at_once} of {cycles} cycles")
        created, destroyed = (getattr(after, n) - getattr(baseline, n) for n in ("domains_created", "domains_destroyed"))
        assert created == destroyed == cycles, f"{created} created, {destroyed} destroyed"
        return f"{cycles} cycles: {during.pages - baseline.pages} pages held, 0 retired and {after.pages} pages in the end as in the beginning"
    finally:
        lab.exporter.start()


def test_many_shells_mapped_at_once(lab):
    # Catches: a table that ends at some number of domains, a bitmap that misses one.
    count = lab.scale(50, 500)
    domids = lab.guests.tool("shells", "create", count, 2, timeout=300).text.split()
    try:
        listed = {int(domid) for domid in domids}
        look = Look(lab.guests, "all")
        assert look.host.domids() >= listed, f"not in the bitmap: {sorted(listed - look.host.domids())}"
        for domid in listed:
            table = look[domid]
            assert not table.error, f"domain {domid}: {table.error}"
            assert len(table.vcpu) == 2 and all(vcpu.valid for vcpu in table.vcpu), f"domain {domid}"
        holder = Holder(lab, *domids)
        pages = host_record(lab).pages
        holder.let_go()
    finally:
        lab.guests.tool("shells", "destroy", *domids, timeout=300)
    wait_for("their end in the bitmap", lambda: not listed & Look(lab.guests, "host").host.domids())
    return f"{count} shells of 2 vCPUs mapped in one process, {pages} pages"


def test_bitmap_agrees_with_the_list(lab):
    # Catches: a bit set late or for ever, a count that does not belong to its bitmap.
    agreed, rounds = 0, lab.scale(3, 100)
    for _ in range(rounds):
        domids = lab.guests.tool("shells", "create", 3, 1).text.split()
        for act in (None, lambda: lab.guests.tool("shells", "destroy", *domids)):
            if act:
                act()
            before = host_record(lab)
            listed = {int(domid) for domid in lab.dom0.sh("xl list | awk 'NR > 1 { print $(NF-4) }'").text.split()}
            look = Look(lab.guests, "host")
            after = look.host.host[0]
            if (before.domains_created, before.domains_destroyed) == (after.domains_created, after.domains_destroyed):
                assert look.host.domids() == listed, f"bitmap {sorted(look.host.domids())}, xl list {sorted(listed)}"
                assert after.domains_created - after.domains_destroyed == len(listed)
                agreed += 1
    assert agreed >= rounds, "it changed nearly every time: it proves nothing"
    return f"{agreed} comparisons"
