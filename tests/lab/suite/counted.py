# SPDX-License-Identifier: Apache-2.0
"""Xen's own counters say what a scrape costs it: nothing, and without the tables, as little as can be."""

from xenlab.exporter import OPTIONS
from xenlab.metrics import Scraper
from xenlab.quiet import cost_of, locking_of

HOST = dict(flavour="perf")
DEADLINE = 300


def scrapes(lab, count):
    def scrape():
        scraper = Scraper(lab.machine.exporter_port, timeout=60)
        for _ in range(count):
            scraper.get()
        scraper.close()

    return scrape


def test_scrapes_of_pages_make_no_hypercall(lab):
    # Catches: a call on any path that strace does not see: another process's, or one in a mapping's fault.
    count = lab.scale(200, 1000)
    cost = cost_of(lab, scrapes(lab, count))
    assert not any(cost.values()), f"{count} scrapes: {cost}"
    return f"{count} scrapes: {cost}"


def test_scrapes_of_pages_take_no_lock_of_the_toolstack(lab):
    # Catches: a sample for which `xl create` has to wait; and says how often others make it wait.
    count, rounds = lab.scale(200, 1000), 10
    ours = locking_of(lab, scrapes(lab, count))
    xentop = locking_of(lab, lambda: lab.dom0.run("xentop", "-b", "-i", rounds, "-d", 1, timeout=120))
    assert not any(ours.values()), f"{count} scrapes: {ours}"
    assert all(taken >= rounds for taken in xentop.values()), f"{rounds} rounds of xentop: {xentop}, which proves nothing"
    return f"{count} scrapes: {ours}; {rounds} rounds of xentop: {xentop}"


def test_hypercalls_per_scrape_beside_xentop(lab):
    # Catches: more calls than the interface needs, a count of them that is not true; and says what others cost.
    rounds = 10
    vcpus = len(lab.scrape().runstates())
    lab.exporter.stop()
    lab.exporter.start("--source=hypercalls", *OPTIONS)
    try:
        (_, before), = lab.scrape().family("xen_exporter_hypercalls_total")

        def scrape_slowly():
            for _ in range(rounds):
                lab.dom0.run("sleep", "0.3")  # so that no scrape gets the numbers of another
                lab.scrape()

        cost = cost_of(lab, scrape_slowly)
        (_, after), = lab.scrape().family("xen_exporter_hypercalls_total")
    finally:
        lab.exporter.stop()
        lab.exporter.start()
    xentop = cost_of(lab, lambda: lab.dom0.run("xentop", "-b", "-i", rounds, "-d", 1, timeout=120))
    made = sum(cost.values())
    # The last scrape, by which it was counted, made some too; some calls are made now and then only.
    assert made <= after - before <= made + vcpus + 8, f"by Xen's count {made}, by the exporter's {after - before}"
    # One for all domains, one each for the host and its pCPUs, two at most about the scheduling of one domain.
    assert made <= rounds * (vcpus + 5) + 6, f"{made} calls for {rounds} scrapes of {vcpus} vCPUs"
    assert made < sum(xentop.values()), f"{made} calls, xentop {xentop}"
    return (f"{rounds} scrapes of {vcpus} vCPUs: {made} hypercalls ({cost}), {made / rounds:.1f} each; "
            f"xentop -b: {sum(xentop.values()) / rounds:.1f} each ({xentop}); from pages: 0")
