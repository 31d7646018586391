# SPDX-License-Identifier: Apache-2.0
"""On an unpatched Xen the daemon reads what hypercalls tell, says so, and gets it right."""

import statistics
import time

from xenlab.guests import Bracket, wait_for

HOST = dict(flavour="stock")
DEADLINE = 240
TOLERANCE, TYPICAL = 0.050, 0.010  # seconds; why, is in numbers.py
SHARED = 0.2  # seconds after which no scrape gets numbers fetched for another


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


def test_running_time_is_bracketed_by_libxenctrl(lab):
    # Catches: numbers fetched before the question, a vCPU in another's row, one not asked again.
    rounds, compared = [], 0
    for _ in range(20):
        time.sleep(SHARED)
        bracket = Bracket(lab.guests)
        assert bracket.both == set(bracket.runstates), f"vCPUs {bracket.both ^ set(bracket.runstates)} only on one side"
        rounds.append(0.0)
        for key in bracket.both:
            low, high, shown = bracket.before[key], bracket.after[key], bracket.runstates[key]["running"]
            assert low - TOLERANCE <= shown <= high + TOLERANCE, f"domain {key[0]} vCPU {key[1]}: {shown} outside {low} to {high}"
            rounds[-1] = max(rounds[-1], low - shown, shown - high)
            compared += 1
    assert statistics.median(rounds) <= TYPICAL, f"outside by, in seconds: {sorted(rounds)}"
    return f"{compared} values, outside by at most {max(rounds) * 1000:.3f} ms"


def test_guests_come_and_go(lab):
    # Catches: a set of domains read once, names that never come, series of the dead that stay.
    uuid = lab.guests.create("visitor", vcpus=2)
    try:
        wait_for("its name", lambda: lab.scrape().domains().get(uuid, {}).get("domain") == "visitor", patience=10)
    finally:
        lab.guests.destroy("visitor")
    wait_for("its end", lambda: uuid not in lab.scrape().text, patience=10)
