# SPDX-License-Identifier: Apache-2.0
"""Runs last on each host: what Xen and Dom0 had to say while all the others ran."""

import re

EVERY_HOST = True

# Said at every boot, or by Linux when read_only.py has it ask for what Xen refuses, or by the null scheduler
# when fields.py sends it one vCPU more than it has pCPUs, or at every boot with a PVH Dom0.
EXPECTED = re.compile(r"Speculative Return Stack Overflow|experimental software|xen_mc_flush|not assigned to any CPU|PVH is an experimental mode")
BAD = re.compile(r"Assertion|Xen BUG|Xen WARN|Panic|Kernel panic|d0v\d+ Triple fault|FATAL|Oops|BUG:|WARNING:|general protection|segfault|Out of memory")


def test_xen_and_dom0_had_nothing_to_complain_about(lab):
    # Catches: an assertion or a warning that no test looked for. The hypervisor is a debug build.
    lines = lab.machine.console.read_text(errors="replace").splitlines()
    bad = [line for line in lines if BAD.search(line) and not EXPECTED.search(line)]
    assert not bad, f"{len(bad)} lines in {lab.machine.console}: {bad[:5]}"
