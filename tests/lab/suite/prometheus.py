# SPDX-License-Identifier: Apache-2.0
"""Debian's Prometheus scrapes the host and computes the right rates."""

import time

from xenlab.guests import Bracket
from xenlab.prometheus import Prometheus

DEADLINE = 240
WINDOW = 66  # seconds of samples: more than the minute that rate() looks back
RATE = 'rate(xen_vcpu_runstate_seconds_total{state="running"}[1m])'


def test_up_and_rates(lab):
    # Catches: an exposition Prometheus refuses, counters that lag or jump: rate() would show it.
    with Prometheus(lab, interval=2) as prometheus:
        time.sleep(WINDOW - 60)
        first, began = Bracket(lab.guests), time.monotonic()
        time.sleep(60)
        # The truth of the same minute, by libxenctrl; Xen's clock is the spinner's running time.
        rates = {(m["domain"], int(m["vcpu"])): value for m, value in prometheus.query(RATE)}
        second = Bracket(lab.guests)
        missed = [value for _, value in prometheus.query("1 - avg_over_time(up[1m])")]
        assert missed == [0.0], f"part of the scrapes that failed: {missed}"
        elapsed = second.before[lab.guests.domid("spinner"), 0] - first.before[lab.guests.domid("spinner"), 0]
        worst = 0.0
        for name, margin in (("spinner", 0.01), ("pv-idle", 0.01), ("pvh-idle", 0.01), ("pv-busy", 0.05), ("pvh-busy", 0.05)):
            key = lab.guests.domid(name), 0
            truth = (second.before[key] - first.before[key]) / elapsed
            assert abs(rates[name, 0] - truth) <= margin, f"{name}: rate {rates[name, 0]:.4f}, libxenctrl {truth:.4f}"
            worst = max(worst, abs(rates[name, 0] - truth))
        shown = ", ".join(f"{name} {rates[name, 0]:.3f}" for name in ("spinner", "pv-busy", "pv-idle"))
        return f"up == 1, rates {shown}; off by at most {worst:.3f} after {time.monotonic() - began:.0f} s"
