# SPDX-License-Identifier: Apache-2.0
"""On one running host, both sources side by side: everything that both have lies between libxenctrl's readings."""

import time

from xenlab.exporter import OPTIONS
from xenlab.sides import compare

DEADLINE = 300
SHARED = 0.2  # seconds after which no scrape gets numbers fetched for another
REFRESHED = 16  # seconds after which everything was asked for anew, also what is asked for rarely
FREED = 5  # seconds after which Xen's table of the host, a second old at most, has what the test before freed


def test_pages(lab):
    # Catches: a field at another's offset, a unit mistaken, a stale figure, a sample left out.
    time.sleep(FREED)
    return compare(lab, lab.scale(5, 20), lambda: time.sleep(SHARED))


def test_hypercalls_on_the_same_host(lab):
    # Catches: the two sources giving the same metric another meaning.
    lab.exporter.stop()
    lab.exporter.start("--source=hypercalls", *OPTIONS)
    try:
        time.sleep(REFRESHED)
        return compare(lab, lab.scale(5, 20), lambda: time.sleep(SHARED))
    finally:
        lab.exporter.stop()
        lab.exporter.start()
