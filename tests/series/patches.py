# SPDX-License-Identifier: Apache-2.0
"""Reads series and patches: who wrote what, which lines go where. Judges nothing."""

import re
from dataclasses import dataclass, field
from pathlib import Path


class Malformed(Exception):
    """Not a patch as `git format-patch` writes them."""


@dataclass
class Hunk:
    old: tuple  # (first line, lines)
    new: tuple
    lines: list  # each with its leading ' ', '+' or '-'


@dataclass
class Change:
    """What a patch does to one file."""
    path: str
    created: bool = False
    mode: str = ""
    blobs: tuple = ("", "")  # abbreviated ids before and after
    hunks: list = field(default_factory=list)

    def added(self):
        """(line number in the new file, text) of each line that is added."""
        for hunk in self.hunks:
            number = hunk.new[0]
            for line in hunk.lines:
                if line.startswith("+"):
                    yield number, line[1:]
                if line[:1] in ("+", " "):
                    number += 1

    def count(self, sign):
        return sum(line.startswith(sign) for hunk in self.hunks for line in hunk.lines)


@dataclass
class Patch:
    path: Path
    home: Path  # the directory of the series that names it
    first: str = ""
    headers: dict = field(default_factory=dict)
    message: list = field(default_factory=list)
    stat: list = field(default_factory=list)
    changes: list = field(default_factory=list)

    @property
    def name(self):
        return self.path.name

    @property
    def borrowed(self):
        """Taken as it is from the series of another version of Xen."""
        return self.path.parent != self.home

    @property
    def subject(self):
        return re.sub(r"^\[PATCH\] ", "", self.headers.get("Subject", ""))


def names(directory):
    """The lines of a `series` file, without comments."""
    listed = [line.split("#")[0].strip() for line in (directory / "series").read_text().splitlines()]
    return [name for name in listed if name]


def series(directory):
    """The patches of a series, in order. Raises Malformed, or OSError for one that is not there."""
    directory = directory.resolve()
    return [read((directory / name).resolve(), directory) for name in names(directory)]


def read(path, home):
    patch = Patch(path, home)
    lines = path.read_text(encoding="utf-8").split("\n")
    patch.first = lines[0]
    number = read_headers(patch, lines)
    while number < len(lines) and lines[number] != "---":
        patch.message.append(lines[number])
        number += 1
    if number == len(lines):
        raise Malformed(f"{path.name}: no line '---' ends the message")
    number += 1
    while number < len(lines) and not lines[number].startswith("diff --git "):
        patch.stat.append(lines[number])
        number += 1
    while number < len(lines) and lines[number].startswith("diff --git "):
        number = read_change(patch, lines, number)
    # What git closes a patch with, or nothing.
    rest = [line for line in lines[number:] if line and line != "-- " and not re.fullmatch(r"[\d.]+", line)]
    if rest:
        raise Malformed(f"{path.name}:{number + 1}: {rest[0]!r} is not part of a hunk")
    if not patch.changes:
        raise Malformed(f"{path.name}: changes nothing")
    return patch


def read_headers(patch, lines):
    name = ""
    for number, line in enumerate(lines[1:], 1):
        if not line:
            return number + 1
        if line[0] in " \t" and name:
            patch.headers[name] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise Malformed(f"{patch.name}:{number + 1}: {line!r} is not a header")
        patch.headers[name] = value.strip()
    raise Malformed(f"{patch.name}: ends in its headers")


def read_change(patch, lines, number):
    match = re.fullmatch(r"diff --git a/(\S+) b/(\S+)", lines[number])
    if not match or match.group(1) != match.group(2):
        raise Malformed(f"{patch.name}:{number + 1}: {lines[number]}: a rename, or a name with blanks")
    change = Change(match.group(2))
    patch.changes.append(change)
    number += 1
    while number < len(lines) and not lines[number].startswith(("diff --git ", "@@ ")):
        line = lines[number]
        if line.startswith("new file mode "):
            change.created, change.mode = True, line.split()[-1]
        elif line.startswith("index "):
            change.blobs = tuple(line.split()[1].split(".."))
        elif not line.startswith(("--- ", "+++ ")):
            break
        number += 1
    while number < len(lines) and lines[number].startswith("@@ "):
        number = read_hunk(patch, change, lines, number)
    return number


def read_hunk(patch, change, lines, number):
    match = re.match(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", lines[number])
    if not match:
        raise Malformed(f"{patch.name}:{number + 1}: {lines[number]!r} is no head of a hunk")
    old, old_lines, new, new_lines = (1 if text is None else int(text) for text in match.groups())
    hunk = Hunk((old, old_lines), (new, new_lines), [])
    change.hunks.append(hunk)
    start = number + 1
    while old_lines or new_lines:
        number += 1
        sign = lines[number][:1] if number < len(lines) else ""
        if sign not in ("+", "-", " ") or (sign != "+" and not old_lines) or (sign != "-" and not new_lines):
            raise Malformed(f"{patch.name}:{start}: the hunk is not as long as it says")
        old_lines -= sign != "+"
        new_lines -= sign != "-"
        hunk.lines.append(lines[number])
    number += 1
    if number < len(lines) and lines[number].startswith("\\"):
        raise Malformed(f"{patch.name}:{number + 1}: no newline at the end of {change.path}")
    return number
