# SPDX-License-Identifier: Apache-2.0
"""A host as full as they come: 200 guests and 500 domains that xenstored knows nothing of."""

import time

from xenlab.guests import wait_for
from xenlab.quiet import check_scrapes, cost_of, scrape_in_dom0

LONG = True
HOST = dict(flavour="perf", guests=False, memory=4096)
LONG_DEADLINE = 3600

GUESTS, SHELLS, SCRAPES = 200, 500, 1000


def count(lab):
    return len(lab.scrape().family("xen_domain_info"))


def test_scrapes_of_a_crowd_cost_nothing(lab):
    # Catches: a cost per domain that five guests do not show: a table mapped anew, a name read again, a list of all.
    for number in range(GUESTS):
        lab.progress(f"guest {number} of {GUESTS}")
        lab.guests.create(f"guest-{number}", "pv", "idle", paused=number % 2 == 1)
    domids = lab.guests.tool("shells", "create", SHELLS, 1).text.split()
    try:
        everyone = GUESTS + SHELLS + 1
        lab.progress("everyone in /metrics")
        wait_for("everyone", lambda: count(lab) == everyone, patience=60)
        lab.progress(f"{SCRAPES} scrapes under strace")

        def settled():
            wait_for("everyone and every name", lambda: count(lab) == everyone and lab.scrape().text.count('domain="guest-') > GUESTS, patience=120)
            time.sleep(10)

        traced = check_scrapes(lab, SCRAPES, settled, lambda: scrape_in_dom0(lab, SCRAPES))
        wait_for("everyone", lambda: count(lab) == everyone, patience=60)
        time.sleep(10)
        lab.progress(f"{SCRAPES} scrapes counted by Xen")
        cost = cost_of(lab, lambda: scrape_in_dom0(lab, SCRAPES))
        assert not any(cost.values()), f"{SCRAPES} scrapes of {everyone} domains: {cost}"
        return f"{everyone} domains; {traced}; by Xen's counters {cost}"
    finally:
        lab.guests.tool("shells", "destroy", *domids)
