# SPDX-License-Identifier: Apache-2.0
"""Takes the statistics code out of a series of patches, without the source that they apply to.

Files that the series creates come out whole. Of files that it changes only what is in the patches is
known: a sparse file, of which the blocks between an added #ifdef CONFIG_STATS_TABLES and its #endif
come out, each into an include file named after what it was found in.
"""
import re
import subprocess

HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$")
SEARCH = 300
CODE = re.compile(r"^xen/(?:common|include)/.*\.[ch]$")


class Line:
    """A line of a sparse file; `added` is whether the series wrote it."""

    def __init__(self, text=None, added=False, place=""):
        self.text, self.added, self.place = text, added, place


def patches(series):
    return [series / name for name in (series / "series").read_text().split()]


def files_of(patch):
    """(name, is it new, lines) of each file that a patch touches."""
    text = patch.read_text(errors="replace")
    for part in re.split(r"^diff --git ", text, flags=re.M)[1:]:
        name = re.search(r"^\+\+\+ b/(\S+)$", part, flags=re.M)
        if name:
            yield name.group(1), "\n--- /dev/null\n" in part, part.split("\n")


def hunks(lines):
    """(line number after earlier hunks, what it belongs to, rows) of each hunk."""
    rows = iter(lines)
    for row in rows:
        match = HUNK.match(row)
        if not match:
            continue
        before, after, body = int(match.group(2) or 1), int(match.group(4) or 1), []
        while before or after:
            row = next(rows) or " "
            if row[0] == "\\":
                continue
            body.append(row)
            before -= row[0] != "+"
            after -= row[0] != "-"
        yield int(match.group(3)) - 1, match.group(5), body


def place(sparse, at, old):
    """Where `old` goes: where most of what is known is the same and nothing is another, nearest to `at`.

    A patch for another base may be some lines off, as for patch(1).
    """
    best = None
    for start in range(max(0, at - SEARCH), at + SEARCH):
        known = [(line.text, text) for line, text in zip(sparse[start:], old) if line.text is not None]
        if any(one != other for one, other in known):
            continue
        merit = len(known), -abs(start - at)
        if best is None or merit > best[0]:
            best = merit, start
    if best is None:
        raise ValueError(f"{old} does not follow from the patches before")
    return best[1]


def apply(lines, sparse):
    """Applies the hunks of one file to what earlier patches left of it."""
    for at, where, body in hunks(lines):
        old = [row[1:] for row in body if row[0] != "+"]
        at = place(sparse, at, old)
        sparse.extend(Line() for _ in range(at + len(old) - len(sparse)))
        for row in body:
            if row[0] == "+":
                sparse.insert(at, Line(row[1:], True, where))
                at += 1
            elif row[0] == "-":
                del sparse[at]
            else:
                sparse[at].text = row[1:]
                at += 1


def blocks(sparse):
    """(place, lines) of each block of whole functions, or fields, that is compiled with the tables only."""
    depth, block = 0, []
    for line in sparse:
        if not depth and line.added and line.text == "#ifdef CONFIG_STATS_TABLES":
            depth, block = 1, []
        elif depth:
            # A brace or so may be one that was there before, as far as the patch is concerned.
            if line.text is None:
                depth = 0
                continue
            if re.match(r"#\s*if", line.text):
                depth += 1
            elif re.match(r"#\s*endif", line.text):
                depth -= 1
                if not depth:
                    yield line.place, block
                    continue
            block.append(line.text)


def added(sparse, place=""):
    """All those blocks of a file, or of a struct; what is within a function is part of that."""
    text = "\n".join(row for where, block in blocks(sparse)
                     if (where.startswith(place) if place else not block[0].startswith(" "))
                     for row in block)
    # What is for other callers comes after an #else.
    return re.split(r"^#else.*$", text, flags=re.M)[0] + "\n"


def reconstruct(series, directory):
    """Fills `directory` with the code of `series`; gives the C files to compile."""
    created, sparse = [], {}
    for patch in patches(series):
        for name, new, lines in files_of(patch):
            if new and CODE.match(name):
                created.append(name)
            elif name not in created:
                apply(lines, sparse.setdefault(name, []))
    for patch in patches(series):
        wanted = [name for name, _, _ in files_of(patch) if name in created]
        if wanted:
            subprocess.run(["git", "apply", *(f"--include={name}" for name in wanted), str(patch.resolve())],
                           cwd=directory, check=True, timeout=60)
    sched = sparse["xen/include/xen/sched.h"]
    include = directory / "added"
    include.mkdir()
    for struct in ("vcpu", "domain"):
        (include / f"struct-{struct}.h").write_text(added(sched, f"struct {struct}"))
    (include / "sched-core.h").write_text(added(sparse["xen/common/sched/core.c"]))
    return [directory / name for name in created if name.endswith(".c")]
