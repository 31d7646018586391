# SPDX-License-Identifier: Apache-2.0
"""The numbers are right, by libxenctrl's readings just before and after, and by their own arithmetic.

The tolerance is that of the clock in use. Under emulation the TSC pair may not be used, so "now" is
CLOCK_MONOTONIC_RAW anchored to the newest stamps in the pages: it may be behind Xen's clock by what
passed between a stamp and its reading, and differs by the drift of two clocks between anchors. Xen's
own clock is not one either: that of each emulated pCPU wanders while the machine below takes it away,
by 8 ms at the worst seen. So single values may be off by TOLERANCE, but most rounds by TYPICAL at most.
"""

import re
import statistics
import time

from xenlab.guests import Bracket
from xenlab.metrics import RUNSTATES, Metrics, Scraper

DEADLINE = 240
TOLERANCE = 0.050  # seconds
TYPICAL = 0.010


def test_running_time_is_bracketed_by_libxenctrl(lab):
    # Catches: a stale record, the running part not added or added twice, a clock off, a unit mistaken.
    behind, ahead, width, compared = 0.0, 0.0, 0.0, 0
    rounds = []
    for _ in range(20):
        bracket = Bracket(lab.guests)
        rounds.append(0.0)
        assert bracket.both == set(bracket.runstates), f"vCPUs {bracket.both ^ set(bracket.runstates)} only on one side"
        for key in bracket.both:
            low, high = bracket.before[key], bracket.after[key]
            shown = bracket.runstates[key]["running"]
            rounds[-1] = max(rounds[-1], low - shown, shown - high)
            behind, ahead = max(behind, low - shown), max(ahead, shown - high)
            width = max(width, high - low)
            compared += 1
            assert low - TOLERANCE <= shown <= high + TOLERANCE, f"domain {key[0]} vCPU {key[1]}: {shown} outside {low} to {high}"
    assert statistics.median(rounds) <= TYPICAL, f"outside by, in seconds: {sorted(rounds)}"
    return f"{compared} values, at most {behind * 1000:.3f} ms behind, {ahead * 1000:.3f} ms ahead, brackets up to {width * 1000:.1f} ms wide"


def test_spinner_grows_although_its_record_is_not_rewritten(lab):
    # Catches: time since the last state change left out: the vCPU that never sleeps would look idle.
    domid = lab.guests.domid("spinner")
    record = lab.guests.tool("table", "read", domid).text
    first = Bracket(lab.guests)
    time.sleep(10)
    second = Bracket(lab.guests)
    assert lab.guests.tool("table", "read", domid).text == record, "its record was rewritten: it proves nothing"
    key = domid, 0
    # Xen's own clock between the two scrapes: the spinner's running time as libxenctrl has it.
    least, most = second.before[key] - first.after[key], second.after[key] - first.before[key]
    grown = second.runstates[key]["running"] - first.runstates[key]["running"]
    assert least > 9
    assert least - TOLERANCE <= grown <= most + TOLERANCE, f"grew by {grown}, Xen's time by {least} to {most}"
    return f"grew by {grown:.4f} s while Xen's clock grew by {least:.4f} to {most:.4f} s"


def test_four_states_grow_by_the_elapsed_time(lab):
    # Catches: a state missing from the sum, time counted in two states, two "now" in one scrape.
    spinner = lab.guests.domid("spinner"), 0
    first = Bracket(lab.guests)
    time.sleep(20)
    second = Bracket(lab.guests)
    least, most = second.before[spinner] - first.after[spinner], second.after[spinner] - first.before[spinner]
    grown = {key: sum(second.runstates[key][s] - first.runstates[key][s] for s in RUNSTATES)
             for key in set(first.runstates) & set(second.runstates)}
    for key, by in grown.items():
        assert least - TOLERANCE <= by <= most + TOLERANCE, f"domain {key[0]} vCPU {key[1]}: {by}, elapsed {least} to {most}"
    spread = max(grown.values()) - min(grown.values())
    assert spread <= TOLERANCE, f"the sums of one scrape differ by {spread} s"
    return f"{len(grown)} vCPUs, sums within {spread * 1e6:.0f} us of each other"


def test_no_counter_ever_falls(lab):
    # Catches: a torn record, a clock that steps back: rate() would take either for a restart.
    lab.guests.create("switcher", "pv", "switching", vcpus=2)
    scraper = Scraper(lab.machine.exporter_port)
    try:
        last, scrapes, switched = {}, 0, 0
        ends = time.monotonic() + 30
        while time.monotonic() < ends:
            metrics = Metrics(scraper.get().decode())
            for (name, labels), value in metrics.samples.items():
                if name.endswith("_total") and name.startswith(("xen_vcpu", "xen_domain")):
                    assert value >= last.get((name, labels), 0), f"{name}{sorted(labels)} fell from {last[name, labels]} to {value}"
                    last[name, labels] = value
            scrapes += 1
        before = lab.guests.tool("table", "read", lab.guests.domid("switcher")).text
        after = lab.guests.tool("table", "read", lab.guests.domid("switcher")).text
        stamps = [re.findall(r"^vcpu \d+ \d+ (\d+)", text, re.M) for text in (before, after)]
        switched = all(x != y for x, y in zip(*stamps))
        assert switched, "the switcher did not switch: it proves nothing"
        return f"{scrapes} scrapes, {len(last)} counters"
    finally:
        scraper.close()
        lab.guests.destroy("switcher")


def test_cpu_seconds_are_the_sum_of_running(lab):
    # Catches: two families of one scrape that contradict each other.
    metrics = lab.scrape()
    domids = {uuid: int(labels["domid"]) for uuid, labels in metrics.domains().items()}
    runstates = metrics.runstates()
    family = metrics.family("xen_domain_cpu_seconds_total")
    assert len(family) == len(domids)
    for labels, value in family:
        total = sum(states["running"] for (domid, _), states in runstates.items() if domid == domids[labels["uuid"]])
        assert abs(total - value) < 1e-6, f"{labels['domain']}: {value}, its vCPUs ran {total}"
