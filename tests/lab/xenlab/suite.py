# SPDX-License-Identifier: Apache-2.0
"""Finds the tests, boots each host that they need once, and runs them there.

A test is a function test_*(lab) in a file of suite/; it fails by raising anything. Its file may set

    HOST = dict(flavour="perf")    the host it needs (host.py), when the usual one will not do
    LONG_HOSTS = (dict(...), ...)  more hosts on which it runs with --long
    DEADLINE = 120                 seconds that each of its tests may take
    LONG_DEADLINE = 1800           the same with --long
    LONG = True                    it runs with --long only; @long_only says so of one test
    EVERY_HOST = True              it runs at the end of each host, whatever the pattern
"""

import dataclasses
import importlib.util
import os
import signal
import threading
import time
import traceback

from xenlab import dom0, exporter, hypervisor, packages
from xenlab.host import Host
from xenlab.lab import Lab
from xenlab.paths import LAB
from xenlab.progress import LabError, say

DEADLINE, LONG_DEADLINE = 120, 1800
STILL = 15  # seconds between two signs of life of a test that runs on


def long_only(test):
    test.long_only = True
    return test


class Overdue(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Test:
    file: str
    name: str
    function: object
    deadline: int
    hosts: tuple
    last: bool

    @property
    def title(self):
        return f"{self.file}.{self.name}"


def load(file):
    spec = importlib.util.spec_from_file_location(f"suite_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def collect(pattern, long, override):
    """The tests to run, in order, and how many more there would be with --long."""
    tests, left_out = [], 0
    for file in sorted((LAB / "suite").glob("*.py")):
        module = load(file)
        hosts = [Host(**getattr(module, "HOST", {}))]
        if override:
            hosts = [hosts[0].changed(override)]
        elif long:
            hosts += [Host(**words) for words in getattr(module, "LONG_HOSTS", ())]
        last = getattr(module, "EVERY_HOST", False)
        deadline = (getattr(module, "LONG_DEADLINE", max(LONG_DEADLINE, getattr(module, "DEADLINE", 0))) if long
                    else getattr(module, "DEADLINE", DEADLINE))
        for name, value in vars(module).items():
            if not name.startswith("test_") or not callable(value):
                continue
            test = Test(file.stem, name.removeprefix("test_"), value, deadline, tuple(hosts), last)
            if not last and not any(part in test.title for part in pattern.split(",")):
                continue
            if not long and (getattr(module, "LONG", False) or hasattr(value, "long_only")):
                left_out += 1
            else:
                tests.append(test)
    return tests, left_out


class SignOfLife:
    """Says now and then what is still running, and what it said of itself."""

    def __init__(self, lab, title):
        self.lab, self.title = lab, title
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.speak, daemon=True)

    def speak(self):
        began = time.monotonic()
        while not self.over.wait(STILL):
            doing = f": {self.lab.doing}" if self.lab.doing else ""
            say(f"{self.title}, {time.monotonic() - began:.0f} s{doing}")

    def __enter__(self):
        self.lab.doing = None
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()


def run_one(lab, test):
    def overdue(*_):
        raise Overdue(f"not done after {test.deadline} s")

    signal.signal(signal.SIGALRM, overdue)
    began = time.monotonic()
    signal.alarm(test.deadline)
    try:
        with SignOfLife(lab, test.title):
            note = test.function(lab)
    except Exception as why:
        signal.alarm(0)
        trace = traceback.extract_tb(why.__traceback__)
        line = ([f for f in trace if "/suite/" in f.filename] or trace)[-1]
        print(f"FAIL {test.title} ({time.monotonic() - began:.1f} s): {type(why).__name__}: {why}\n"
              f"     at {os.path.basename(line.filename)}:{line.lineno}: {line.line}", flush=True)
        return False
    finally:
        signal.alarm(0)
    print(f"ok   {test.title} ({time.monotonic() - began:.1f} s)" + (f": {note}" if note else ""), flush=True)
    return True


class Count:
    """What passed and failed, and how long each file took on each host."""

    def __init__(self):
        self.passed = self.failed = 0
        self.times, self.again = [], []

    def add(self, good):
        self.passed += good
        self.failed += not good

    def tell(self):
        for host, file, tests, seconds in self.times:
            print(f"time {seconds:7.1f} s  {file}{f' ({tests} tests)' if tests else ''}  on {host}")
        for host in self.again:
            print(f"note: the first boot of {host} failed")
        print(f"{self.passed} passed, {self.failed} failed", flush=True)


def run_host(lab, tests, count):
    host, failed = lab.host, count.failed
    began = time.monotonic()
    try:
        try:
            lab.up()
        except LabError as why:
            print(f"FAIL the host {host}: {why}", flush=True)
            for test in tests:
                print(f"FAIL {test.title}: it has no host", flush=True)
                count.add(False)
            return
        finally:
            if lab.machine.boots > 1:
                count.again.append(host)
        count.times.append((host, "boot", 0, time.monotonic() - began))
        for file in dict.fromkeys(test.file for test in tests):
            began = time.monotonic()
            these = [test for test in tests if test.file == file]
            for test in these:
                count.add(run_one(lab, test))
            count.times.append((host, file, len(these), time.monotonic() - began))
    finally:
        lab.down()
    if count.failed == failed:
        lab.forget()


def plan(tests):
    """{host: its tests}, the usual host first; those for every host at the end of each."""
    hosts = {Host(): []}
    for test in tests:
        if not test.last:
            for host in test.hosts:
                hosts.setdefault(host, []).append(test)
    last = [test for test in tests if test.last]
    return {host: these + last for host, these in hosts.items() if these}


def prepare(hosts):
    """Whatever takes long to make, made before anything boots: {host: (xen, Dom0)}."""
    packages.install_host_packages()
    roots = {xen: dom0.obtain(xen) for xen in dict.fromkeys(host.xen for host in hosts)}
    xens = {flavour: hypervisor.obtain(flavour) for flavour in dict.fromkeys(host.flavour for host in hosts)}
    return {host: (xens[host.flavour], roots[host.xen]) for host in hosts}


def run(name, pattern, long=False, override=(), only_prepare=False):
    tests, left_out = collect(pattern, long, override)
    hosts = plan(tests)
    if not hosts:
        raise LabError(f"no test matches {pattern!r}" + (f" without --long ({left_out} do with it)" if left_out else ""))
    binary = exporter.find()
    if not binary:
        raise LabError("there is no exporter to test: build it, or name it in XSE_EXPORTER")
    images = prepare(hosts)
    if only_prepare:
        return 0
    say(f"testing {binary} on {len(hosts)} host{'s' if len(hosts) > 1 else ''}"
        + (f"; {left_out} tests are for --long only" if left_out else ""))
    count = Count()
    for number, (host, these) in enumerate(hosts.items(), 1):
        print(f"host {number} of {len(hosts)}: {host}, {len(these)} tests", flush=True)
        lab = Lab(f"{name}-{number}", host, images[host], binary, long)
        run_host(lab, these, count)
    count.tell()
    return 0 if not count.failed else 1
