# SPDX-License-Identifier: Apache-2.0
"""A guest's reboot as Prometheus sees it: increase() neither jumps nor falls."""

import time

from xenlab.guests import Bracket, wait_for
from xenlab.prometheus import Prometheus

DEADLINE = 240
INTERVAL = 0.5  # seconds between two scrapes
SETTLE = 3  # some of them


def test_increase_over_a_reboot(lab):
    # Catches: a counter of the second life that goes on from the first, or starts below what it was shown as.
    life = lab.scale(30, 120)
    margin = lab.scale(0.04, 0.02)
    lab.guests.create("rebooter", "pv", "busy")
    try:
        with Prometheus(lab, INTERVAL) as prometheus:
            wait_for("the guest", lambda: prometheus.query('xen_domain_cpu_seconds_total{domain="rebooter"}'))
            began = time.monotonic()
            start = Bracket(lab.guests).after[lab.guests.domid("rebooter"), 0]
            time.sleep(life)
            # It stands still at its end, so that the last scrape of its life has all of it.
            lab.dom0.run("xl", "pause", "rebooter")
            time.sleep(SETTLE)
            end = Bracket(lab.guests).after[lab.guests.domid("rebooter"), 0]
            lab.guests.destroy("rebooter")
            lab.dom0.run("xl", "create", "/share/guests/rebooter.cfg")
            time.sleep(life)
            lab.dom0.run("xl", "pause", "rebooter")
            time.sleep(SETTLE)
            truth = end - start + Bracket(lab.guests).after[lab.guests.domid("rebooter"), 0]
            window = int(time.monotonic() - began)
            grown = prometheus.query(f'increase(xen_domain_cpu_seconds_total{{domain="rebooter"}}[{window}s])')
            assert len(grown) == 1, f"{len(grown)} series of one guest: {grown}"
            assert abs(grown[0][1] - truth) <= margin * truth, f"increase() {grown[0][1]:.2f} s, libxenctrl {truth:.2f} s"
            for name in ("xen_domain_cpu_seconds_total", "xen_vcpu_runstate_seconds_total"):
                least = prometheus.query(f"min(min_over_time(increase({name}[5s])[{window}s:1s]))")
                assert least and least[0][1] >= 0, f"{name}: increase() fell to {least}"
                most = prometheus.query(f"max(max_over_time(rate({name}[5s])[{window}s:1s]))")
                assert most[0][1] < 2, f"{name}: a rate of {most[0][1]:.1f} of guests with a vCPU or two"
            return f"increase() {grown[0][1]:.2f} s, libxenctrl {truth:.2f} s over {window} s and a reboot"
    finally:
        lab.dom0.run("xl", "destroy", "rebooter", check=False)
