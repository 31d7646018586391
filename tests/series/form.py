# SPDX-License-Identifier: Apache-2.0
"""What can be said about a series without a source tree.

Each function is one check of a series, given as its directory and its patches; it returns what is
wrong, a line for each.
"""

import re
from email.utils import parseaddr, parsedate_to_datetime

SUBJECT_MAX = 72
MESSAGE_MAX = 79
CODE_MAX = 79  # Xen's CODING_STYLE
# Xen 4.20 has the first patch already (9b87082900).
BEGINS = {"4.20": 2, "4.20.3": 2}
NAME_MAX = 57  # of git format-patch: 52 of the subject, and the number

MACHINE = re.compile(r"(?:^[+-]?|[\s\"'`(=:])/(?:home|root|work|Users|mnt)/\w")
CONFLICT = re.compile(r"(?:<<<<<<<|>>>>>>>) ")
SPACED = re.compile(r"\b(?:if|for|while|switch) ?\((?! )")


def is_c(path):
    return path.endswith((".c", ".h"))


def listed(directory, patches):
    wrong = [f"{path.name} is not listed" for path in sorted(directory.glob("*.patch"))
             if path.resolve() not in {patch.path for patch in patches}]
    return wrong + [f"{patch.name} is listed twice" for number, patch in enumerate(patches)
                    if patch in patches[:number]]


def numbered(directory, patches):
    return [f"{patch.name} is number {number}" for number, patch in enumerate(patches, BEGINS.get(directory.name, 1))
            if not patch.name.startswith(f"{number:04}-")]


def headed(directory, patches):
    """As git format-patch --zero-commit writes it, so that a new export of the same commits is the same text."""
    wrong = []
    for patch in patches:
        if not re.fullmatch(r"From 0{40} Mon Sep 17 00:00:00 2001", patch.first):
            wrong.append(f"{patch.name}: begins with {patch.first!r}")
        if list(patch.headers) != ["From", "Date", "Subject"]:
            wrong.append(f"{patch.name}: headers are {', '.join(patch.headers)}")
            continue
        if "@" not in parseaddr(patch.headers["From"])[1]:
            wrong.append(f"{patch.name}: From: {patch.headers['From']}")
        try:
            parsedate_to_datetime(patch.headers["Date"])
        except (TypeError, ValueError):
            wrong.append(f"{patch.name}: Date: {patch.headers['Date']}")
        if not patch.headers["Subject"].startswith("[PATCH] "):
            wrong.append(f"{patch.name}: Subject: {patch.headers['Subject']}")
    return wrong


def subjects(directory, patches):
    """`area: what it does`, short, and the file is named after it."""
    wrong = []
    for patch in patches:
        if not re.match(r"[\w/.,{}-]+(?: [\w/.,{}-]+)*: \S", patch.subject) or patch.subject.endswith("."):
            wrong.append(f"{patch.name}: {patch.subject!r} is not 'area: what changes'")
        if len(patch.subject) > SUBJECT_MAX:
            wrong.append(f"{patch.name}: the subject has {len(patch.subject)} characters")
        slug = re.sub(r"-+", "-", re.sub(r"[^A-Za-z0-9_.]", "-", patch.subject)).strip("-.")
        name = f"{patch.name[:5]}{slug}"[:NAME_MAX]
        # Where git cuts between two words it leaves the hyphen.
        if patch.name not in (f"{name}.patch", f"{name.rstrip('-')}.patch"):
            wrong.append(f"{patch.name}: the subject asks for {name}.patch")
    return wrong


def messages(directory, patches):
    wrong = []
    for patch in patches:
        text = [line for line in patch.message if line]
        trailers = [line for line in text if re.match(r"[A-Z][\w-]*-by: ", line)]
        if len(text) - len(trailers) < 2:
            wrong.append(f"{patch.name}: says nothing")
        wrong += [f"{patch.name}: {len(line)} columns: {line}" for line in text
                  if len(line) > MESSAGE_MAX and line not in trailers]
        wrong += [f"{patch.name}: a line of the message ends in white space" for line in patch.message
                  if line != line.rstrip()]
    return wrong


def signed(directory, patches):
    return [f"{patch.name}: not signed off by {patch.headers.get('From')}" for patch in patches
            if f"Signed-off-by: {patch.headers.get('From')}" not in patch.message]


def stat_is_true(directory, patches):
    """Would catch: a patch that was edited by hand, or cut short."""
    wrong = []
    for patch in patches:
        count = lambda word: sum(int(n) for line in patch.stat
                                 for n in re.findall(rf"(\d+) {word}", line) if " changed, " in line)
        said = (count("files? changed"), count("insertions?"), count("deletions?"))
        seen = (len(patch.changes), sum(change.count("+") for change in patch.changes),
                sum(change.count("-") for change in patch.changes))
        if said != seen:
            wrong.append(f"{patch.name}: says files, insertions, deletions {said}; has {seen}")
    return wrong


def continuous(directory, patches):
    """Would catch: a patch that was exported from another state of the series than its neighbour."""
    wrong, last = [], {}
    for patch in patches:
        for change in patch.changes:
            before, after = change.blobs if len(change.blobs) == 2 else ("", "")
            if not after and not (change.created and not change.hunks):
                wrong.append(f"{patch.name}: {change.path}: no index line")
            then = last.get(change.path)
            if then and not (then[1].borrowed or patch.borrowed) and then[0] != before:
                wrong.append(f"{patch.name}: {change.path} was left as {then[0]} by {then[1].name}, "
                             f"and is taken for {before}")
            if change.created and then:
                wrong.append(f"{patch.name}: {change.path} exists already")
            last[change.path] = (after, patch)
    return wrong


def licence(path):
    """What the first lines of a new file must say."""
    if path.startswith("xen/include/public/"):
        return "MIT"
    if path.startswith("docs/"):
        return "CC-BY-4.0"
    return "GPL-2.0-only"


def licensed(directory, patches):
    wrong = []
    for patch in patches:
        for change in patch.changes:
            head = " ".join(text for _, text in list(change.added())[:3])
            if change.created and not re.search(
                    rf"SPDX-License-Identifier: {re.escape(licence(change.path))}(?: |$)", head):
                wrong.append(f"{patch.name}: {change.path} does not say that it is under {licence(change.path)}")
    return wrong


def added_lines(patches):
    for patch in patches:
        for change in patch.changes:
            for number, text in change.added():
                yield f"{patch.name}: {change.path}:{number}", change, text


def white_space(directory, patches):
    wrong = []
    for where, change, text in added_lines(patches):
        if text != text.rstrip():
            wrong.append(f"{where}: ends in white space")
        if " \t" in text:
            wrong.append(f"{where}: a blank before a tab")
        if "\t" in text and is_c(change.path):
            wrong.append(f"{where}: a tab")
    for patch in patches:
        wrong += [f"{patch.name}: {change.path}: ends in an empty line" for change in patch.changes
                  if change.created and [text for _, text in change.added()][-1:] == [""]]
    return wrong


def style(directory, patches):
    """What Xen's CODING_STYLE asks for, as far as a line alone shows it."""
    wrong = []
    for where, change, text in added_lines(patches):
        if not is_c(change.path):
            continue
        # What is within strings and comments is prose.
        code = re.sub(r"/\*.*?(?:\*/|$)|\"(?:\\.|[^\"\\])*\"", "", text)
        if len(text) > CODE_MAX and '"' not in text:
            wrong.append(f"{where}: {len(text)} columns")
        if code.lstrip().startswith("*"):
            continue
        if SPACED.search(code):
            wrong.append(f"{where}: no blanks inside of the parentheses: {text.strip()}")
        if re.search(r"(?<!:)//", code):
            wrong.append(f"{where}: a // comment")
        if re.search(r"\)\s*\{$|\belse\s*\{$|\}\s*else\b", code) and not code.startswith("#") \
                and not re.search(r"=\s*\(.*\)\s*\{$", code):
            wrong.append(f"{where}: a brace that is not alone on its line: {text.strip()}")
    return wrong


def text_of(patch):
    """With whatever ends its lines."""
    return patch.path.read_bytes().decode()


def clean(directory, patches):
    wrong = []
    for patch in patches:
        for number, line in enumerate(text_of(patch).split("\n"), 1):
            if MACHINE.search(line):
                wrong.append(f"{patch.name}:{number}: a path of some machine: {line}")
            if CONFLICT.match(line[1:]):
                wrong.append(f"{patch.name}:{number}: a conflict not resolved")
            if "\r" in line:
                wrong.append(f"{patch.name}:{number}: a carriage return")
    return wrong


CHECKS = [
    ("every patch is in the series, once", listed),
    ("patches are numbered in order", numbered),
    ("they open as git format-patch --zero-commit writes them", headed),
    ("subjects say area and change, and name the file", subjects),
    ("messages argue, and fit the screen", messages),
    ("authors sign off", signed),
    ("what the summary counts is there", stat_is_true),
    ("each goes on where the one before stopped", continuous),
    ("new files say their licence", licensed),
    ("no white space damage", white_space),
    ("Xen's coding style", style),
    ("no traces of a machine or a merge", clean),
]
