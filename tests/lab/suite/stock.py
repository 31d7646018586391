# SPDX-License-Identifier: Apache-2.0
"""On an unpatched Xen the daemon reads what hypercalls tell, says so, and gets it right."""

import re
import time

from xenlab.guests import wait_for
from xenlab.paths import REPO
from xenlab.sides import compare

HOST = dict(flavour="stock")
DEADLINE = 240
SHARED = 0.2  # seconds after which no scrape gets numbers fetched for another
REFRESHED = 16  # seconds after which everything was asked for anew, also what is asked for rarely


def test_pages_get_one_clear_line(lab):
    # Catches: a crash, a hang, or 4294967201 frames believed: the size query of this Xen lies.
    size = lab.guests.tool("table", "size", 0, check=False)
    said = lab.exporter.run("--source=pages", timeout=30)
    assert said.status == 3, f"ended with {said.status}: {said}"
    lines = (said.stdout + said.stderr).decode().strip().splitlines()
    assert len(lines) == 1, f"{len(lines)} lines: {said}"
    assert "statistics tables" in lines[0] and "--source=hypercalls" in lines[0], lines[0]
    return f"{lines[0]!r}; the size query says {size.text.strip() or size.stderr.decode().strip()} frames"


def test_auto_takes_hypercalls_and_says_so(lab):
    # Catches: a daemon that gives up on the Xen that people have, or does not say what it does.
    (labels, _), = lab.scrape().family("xen_exporter_source_info")
    assert labels["source"] == "hypercalls", labels
    log = lab.exporter.log.read_text()
    assert "hypercalls instead of statistics tables" in log, log


def test_everything_lies_between_libxenctrls_readings(lab):
    # Catches: numbers fetched before the question, a row of another's, a unit mistaken, something not asked again.
    time.sleep(REFRESHED)
    return compare(lab, lab.scale(10, 30), lambda: time.sleep(SHARED))


def test_what_is_missing_is_listed_exactly(lab):
    # Catches: a metric missing in silence, and one said to be missing that is there.
    said = re.search(r'hypercalls do not tell: ([^\n]*)', lab.exporter.log.read_text().replace('\\"', '"'))
    assert said, "the log does not say what is missing"
    missing = set(re.findall(r'xen_[a-z_]+(?:\{[^}]*\})?', said.group(1)))
    metrics = lab.scrape()
    shown = set(re.findall(r"^# TYPE (\S+)", metrics.text, re.M))
    documented = re.findall(r"^\| `(xen_(?!exporter|scrape)\w+)` \| (\w+) \|", (REPO / "docs" / "metrics.md").read_text(), re.M)
    assert len(documented) > 40, f"only {len(documented)} documented metrics"
    for name, kind in documented:
        family = name.removesuffix({"counter": "_total", "info": "_info"}.get(kind, ""))
        assert (family in shown) != (name in missing), f"{name}: shown {family in shown}, said to be missing {name in missing}"
    states = {labels["state"] for labels, _ in metrics.family("xen_vcpu_runstate_seconds_total")}
    assert states == {"running"}, states
    for state in ("runnable", "blocked", "offline"):
        assert f'xen_vcpu_runstate_seconds_total{{state="{state}"}}' in missing, missing
    return f"{len(documented)} documented, {len(missing)} missing: {', '.join(sorted(missing))}"


def test_guests_come_and_go(lab):
    # Catches: a set of domains read once, names that never come, series of the dead that stay.
    uuid = lab.guests.create("visitor", vcpus=2)
    try:
        wait_for("its name", lambda: lab.scrape().domains().get(uuid, {}).get("domain") == "visitor", patience=10)
    finally:
        lab.guests.destroy("visitor")
    wait_for("its end", lambda: uuid not in lab.scrape().text, patience=10)


def test_xen_stats_says_that_there_are_no_tables(lab):
    # Catches: a size taken from this Xen, which gives one for what it does not know.
    said = lab.guests.tool("xen-stats", "host", check=False)
    assert said.status == 1 and b"Does this Xen have statistics tables?" in said.stderr, said
