# SPDX-License-Identifier: Apache-2.0
"""What the lab says while it works: one line when a step begins, one with its time if it took long."""

import contextlib
import hashlib
import fcntl
import shutil
import subprocess
import sys
import time
from pathlib import Path

WORTH_TELLING = 2.0  # seconds
TAIL = 30  # lines of a log shown when its command failed
KEEP = 12  # cached results kept of each kind


class LabError(Exception):
    """Ends the lab with one clear message."""


def say(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(what):
    began = time.monotonic()
    say(f"{what} ...")
    yield
    took = time.monotonic() - began
    if took >= WORTH_TELLING:
        say(f"{what}: {took:.1f} s")


def tail(path, lines=TAIL):
    try:
        text = Path(path).read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return "(no output)"
    return "\n".join(text.replace("\r", "").splitlines()[-lines:])


def run(argv, log, *, cwd=None, env=None, timeout=1800):
    """Runs a command with its output in a log; a failure shows the end of it."""
    log = Path(log)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as out:
        try:
            done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.STDOUT, cwd=cwd, env=env, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"{argv[0]} took longer than {timeout} s; its output is in {log}:\n{tail(log)}") from None
    if done.returncode:
        raise LabError(f"{argv[0]} failed ({done.returncode}); from {log}:\n{tail(log)}")


def digest(*parts):
    """A short key over strings, bytes and files."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part
        data = data.encode() if isinstance(data, str) else data
        sha.update(len(data).to_bytes(8, "big") + data)
    return sha.hexdigest()[:16]


def cached(directory, make):
    """Returns `directory`, made by make(scratch) unless it is there. Complete or absent, never half."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    # A lock for each: what is there already does not wait for what somebody else makes.
    with open(directory.parent / f".{directory.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            scratch = directory.parent / f".{directory.name}.part"
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            try:
                make(scratch)
            except BaseException:
                shutil.rmtree(scratch, ignore_errors=True)
                raise
            scratch.rename(directory)
        directory.touch()
        others = sorted((d for d in directory.parent.iterdir() if d.is_dir() and d.suffix != ".part"),
                        key=lambda d: d.stat().st_mtime, reverse=True)
        for old in others[KEEP:]:
            shutil.rmtree(old, ignore_errors=True)
    return directory
