# SPDX-License-Identifier: Apache-2.0
"""The programs that the series adds to Xen's own tools, run in Dom0: xen-stats and test-stats."""

import json
import re

from xenlab.guests import wait_for

DEADLINE = 300  # seconds; many runs of xl, each of which takes its time on a busy machine


def raw(lab, *tables):
    """xen-stats --raw as {(kind, index): {field: text}}."""
    said, found = lab.guests.tool("xen-stats", "--raw", *tables), {}
    assert not said.stderr, said
    for line in said.text.splitlines():
        kind, index, field, value = line.split(" ", 3)
        if kind not in ("table", "descriptor"):
            found.setdefault((kind, int(index)), {})[field] = value
    return found


def test_the_series_own_test_passes(lab):
    # Catches: what its author would see in tools/tests/resource, on a PV and a PVH domain and the host.
    said = lab.guests.tool("test-stats", check=False, timeout=120)
    assert said.status == 0 and "Fail" not in said.text, said
    for what in ("Test x86 PV\n", "Test x86 PVH\n", "Test descriptors\n"):
        assert what in said.text, f"{what!r} is missing: {said}"
    assert "Skip" not in said.text, said
    return f"{said.text.count('Test ')} groups of checks"


def test_xen_stats_agrees_with_xl(lab):
    # Catches: a field at another offset than its descriptor says, or with another scale.
    for entry in json.loads(lab.guests.dom0.run("xl", "list", "-l").text):
        domid, info = entry["domid"], entry["config"]["c_info"]
        seen = raw(lab, domid)
        domain = seen["domain", domid]
        if domid:
            assert domain["handle"] == info["uuid"], f"{domid}: {domain}"
        rows = lab.guests.dom0.run("xl", "list", domid).text.splitlines()
        name, _, mebibytes, vcpus, *_ = rows[1].split()
        assert abs(int(domain["pages"]) / 256 - int(mebibytes)) <= 1, f"{name}: {domain}, xl: {mebibytes} MiB"
        existing = [index for kind, index in seen if kind == "vcpu"]
        assert len(existing) == int(domain["max_vcpus"]) >= int(vcpus), f"{name}: vCPUs {existing}, xl: {vcpus}"


def test_every_described_field_is_printed(lab):
    # Catches: a descriptor that points outside of its record, a kind that nobody prints.
    described = {}
    for line in lab.guests.tool("xen-stats", "--raw", "descriptors").text.splitlines():
        if line.startswith("descriptor "):
            _, _, kind, name, _, shape, *_ = line.split()
            described.setdefault(kind, set()).add((name, int(shape.split("x")[0])))
    seen = {**raw(lab, "host"), **raw(lab, lab.guests.domid("pv-idle"))}
    for kind in ("domain", "vcpu", "host", "clock", "pcpu", "node"):
        assert len(described.get(kind, ())) >= 2, f"{kind}: {described.get(kind)}"
        records = [fields for (of, _), fields in seen.items() if of == kind]
        assert records, f"no record of kind {kind}"
        for fields in records:
            for name, count in described[kind]:
                elements = [name] if count == 1 else [f"{name}[{i}]" for i in range(count)]
                assert all(element in fields for element in elements), f"{kind}: {name} is not among {fields}"
    return f"{sum(map(len, described.values()))} fields"


def test_xen_stats_for_people(lab):
    # Catches: units and labels that are there in --raw mode only.
    said = lab.guests.tool("xen-stats", "host", lab.guests.domid("pv-busy")).text
    for text in ("Table of host", "domids\n", "time[runnable] ", " bytes\n", " s\n", " Hz\n"):
        assert text in said, f"{text!r} is missing: {said}"
    # A shift of -1 is all ones, as is what is not available; and a number of waits has no unit.
    for pattern in (r"tsc_shift -?\d+$", r"waits\[< 0\.\d+ s\] \d+$", r"waits\[rest\] \d+$"):
        assert re.search(pattern, said, re.M), f"{pattern!r} is missing: {said}"


def test_xen_stats_says_what_is_wrong(lab):
    # Catches: a crash, or a table of zeros, for a domain that is not there.
    for arguments, status in ((["4711"], 1), (["0", "4711"], 1), (["elsewhere"], 2), (["-1"], 2), (["32754"], 2),
                              ([""], 2), ([], 2), (["--nonsense"], 2)):
        said = lab.guests.tool("xen-stats", *arguments, check=False)
        assert said.status == status and said.stderr, f"{arguments}: {said}"
    assert "Usage" in lab.guests.tool("xen-stats", "--help").text


def test_xen_stats_sees_a_domain_come_and_go(lab):
    # Catches: a bitmap that is not kept.
    lab.guests.create("printed", "pv", "idle")
    domid = lab.guests.domid("printed")
    assert str(domid) in raw(lab, "host")["domids", 0]["exist"].split()
    lab.guests.destroy("printed")
    wait_for("the domain to leave the bitmap",
             lambda: str(domid) not in raw(lab, "host")["domids", 0]["exist"].split())
