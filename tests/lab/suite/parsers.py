# SPDX-License-Identifier: Apache-2.0
"""The real parsers accept what the exporter says about a real host."""

import subprocess
import sys

from xenlab.metrics import OPENMETRICS, Scraper


def body(lab, accept):
    scraper = Scraper(lab.machine.exporter_port)
    try:
        return scraper.get(accept)
    finally:
        scraper.close()


def judge(argv, text, **options):
    done = subprocess.run([str(a) for a in argv], input=text, capture_output=True, timeout=60, **options)
    assert done.returncode == 0, f"{argv[0]} ended with {done.returncode}: {(done.stdout + done.stderr).decode()}"
    return done.stdout.decode()


def test_promtool_accepts_the_text(lab):
    # Catches: a name, a type or a help text that Prometheus's own linter objects to.
    promtool = lab.unpacked("prometheus") / "usr" / "bin" / "promtool"
    judge([promtool, "check", "metrics"], body(lab, "text/plain;version=0.0.4"))


def test_openmetrics_parser_accepts_the_rest(lab):
    # Catches: anything the strict reference parser refuses: order, units, names, the end mark.
    script = ("import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as p;"
              "print(sum(len(f.samples) for f in p(sys.stdin.read())))")
    where = lab.unpacked("python3-prometheus-client") / "usr" / "lib" / "python3" / "dist-packages"
    count = judge([sys.executable, "-c", script], body(lab, OPENMETRICS), env={"PYTHONPATH": str(where)})
    assert int(count) > 40, f"only {count} samples"
    return f"{count.strip()} samples"
