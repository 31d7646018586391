#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up what the suites counted and prints the closing line: N passed, N failed.

summary.py DIRECTORY: reads suites.json (meson's test log) and every *.out in it. A suite that
failed without a count of its own counts as one failed test; a run without any test has failed.
"""
import json
import pathlib
import re
import sys

CHECK = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed(?:, \d+ skipped)?$", re.M)


def count(text):
    """What a suite's output says: (passed, failed), or None when it says nothing."""
    passed = failed = 0
    said = False
    for run, failures, errors in CHECK.findall(text):
        said = True
        passed += int(run) - int(failures) - int(errors)
        failed += int(failures) + int(errors)
    for good, bad in PLAIN.findall(text):
        said = True
        passed += int(good)
        failed += int(bad)
    return (passed, failed) if said else None


def main(directory):
    passed = failed = 0
    log = directory / "suites.json"
    for line in log.read_text().splitlines() if log.exists() else []:
        suite = json.loads(line)
        good, bad = count(suite.get("stdout", "")) or (0, 0)
        if suite["result"] != "OK" and bad == 0:
            bad = 1
            print(f"suite {suite['name']}: {suite['result']}")
        if suite["result"] == "OK" and good == 0:
            bad = 1
            print(f"suite {suite['name']}: ran no test")
        passed += good
        failed += bad
    for output in sorted(directory.glob("lab*.out")):
        good, bad = count(output.read_text(errors="replace")) or (0, 1)
        passed += good
        failed += bad
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
