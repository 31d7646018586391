# SPDX-License-Identifier: Apache-2.0
"""Debian's Prometheus scrapes the host and computes the right rates."""

import json
import time
import urllib.parse
import urllib.request

from xenlab.guests import Bracket, wait_for

DEADLINE = 240
WINDOW = 66  # seconds of samples: more than the minute that rate() looks back
RATE = 'rate(xen_vcpu_runstate_seconds_total{state="running"}[1m])'


def query(port, expression):
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(url, timeout=10) as reply:
        return [(row["metric"], float(row["value"][1])) for row in json.load(reply)["data"]["result"]]


def is_up(port):
    try:
        return [value for _, value in query(port, "up")] == [1.0]
    except OSError:
        return False


def test_up_and_rates(lab):
    # Catches: an exposition Prometheus refuses, counters that lag or jump: rate() would show it.
    binary = lab.unpacked("prometheus") / "usr" / "bin" / "prometheus"
    home, port = lab.scratch("prometheus"), lab.free_port()
    (home / "prometheus.yml").write_text(
        "global: {scrape_interval: 2s, scrape_timeout: 2s}\n"
        "scrape_configs:\n"
        f"  - {{job_name: lab, static_configs: [{{targets: ['127.0.0.1:{lab.machine.exporter_port}']}}]}}\n")
    prometheus = lab.spawn([binary, f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data",
                            f"--web.listen-address=127.0.0.1:{port}"], home / "log")
    try:
        wait_for("up == 1", lambda: is_up(port))
        time.sleep(WINDOW - 60)
        first, began = Bracket(lab.guests), time.monotonic()
        time.sleep(60)
        # The truth of the same minute, by libxenctrl; Xen's clock is the spinner's running time.
        rates = {(m["domain"], int(m["vcpu"])): value for m, value in query(port, RATE)}
        second = Bracket(lab.guests)
        missed = [value for _, value in query(port, "1 - avg_over_time(up[1m])")]
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
    finally:
        prometheus.kill()
        prometheus.wait()
