# SPDX-License-Identifier: Apache-2.0
"""A scrape costs no hypercall and no word to xenstored."""

import time

from xenlab.metrics import Scraper, scrape
from xenlab.quiet import check_scrapes

DEADLINE = 600  # half a minute on a machine that has nothing else to do
SCRAPES = 1000
SETTLED = 6  # seconds after the start, when every domain is mapped and named


def test_scrapes_cause_no_hypercall_and_no_xenstore_message(lab):
    # Catches: a mapping, a domain list or a name read anew for a scrape, on any thread.
    def scrapes():
        kept = Scraper(lab.machine.exporter_port, timeout=60)
        for _ in range(SCRAPES // 2):
            kept.get()
            scrape(lab.machine.exporter_port, timeout=60)  # and as many on a connection of their own
        kept.close()

    return check_scrapes(lab, SCRAPES, lambda: time.sleep(SETTLED), scrapes)
