# SPDX-License-Identifier: Apache-2.0
"""Nobody in a PV Dom0 can write to a table."""

TARGETS = ("Domain-0", "pv-busy", "pvh-busy", "host")


def targets(lab):
    return [(name, name if name == "host" else lab.guests.domid(name)) for name in TARGETS]


def test_writable_mapping_is_refused(lab):
    # Catches: pages shared writable, or owned such that Xen forgets the type check, as with a PVH guest's.
    for name, target in targets(lab):
        assert lab.guests.tool("table", "size", target).text.strip() != "0", name
        said = lab.guests.tool("table", "write", target, check=False)
        assert said.status == 0 and said.text.startswith("refused:"), f"{name}: {said}"


def test_read_only_mapping_cannot_be_made_writable(lab):
    # Catches: a check at the mapping alone, which mprotect() would go around.
    for name, target in targets(lab):
        said = lab.guests.tool("table", "reuse", target, check=False)
        assert said.status == 0 and "stored" not in said.text, f"{name}: {said}"
