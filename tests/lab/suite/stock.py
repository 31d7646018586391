# SPDX-License-Identifier: Apache-2.0
"""On an unpatched Xen the pages source says so and ends."""

HOST = dict(flavour="stock", guests=False, exporter=False)


def test_unpatched_xen_gets_one_clear_line(lab):
    # Catches: a crash, a hang, or 4294967201 frames believed: the size query of this Xen lies.
    size = lab.guests.tool("table", "size", 0, check=False)
    said = lab.exporter.run("--source=pages", timeout=30)
    assert 0 < said.status < 126, f"ended with {said.status}: {said}"
    lines = (said.stdout + said.stderr).decode().strip().splitlines()
    assert len(lines) == 1, f"{len(lines)} lines: {said}"
    assert "Xen" in lines[0] or "xen" in lines[0], lines[0]
    return f"{lines[0]!r}; the size query says {size.text.strip() or size.stderr.decode().strip()} frames"
