# SPDX-License-Identifier: Apache-2.0
"""Runs suite/*.py against a host booted for the purpose.

A test is a function test_*(lab) in a file of suite/. It fails by raising anything; its file may set
DEADLINE, the seconds each of its tests may take.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
import traceback

from xenlab import dom0, exporter, hypervisor, packages
from xenlab.exporter import Exporter
from xenlab.guests import Guests
from xenlab.machine import Machine, die_with_parent, free_ports
from xenlab.metrics import scrape
from xenlab.paths import CACHE, LAB
from xenlab.progress import LabError, cached, digest, say

DEADLINE = 120


class Overdue(Exception):
    pass


class Lab:
    """What a test gets: a patched host with the usual guests and a running exporter."""

    def __init__(self, name, binary):
        self.name, self.binary = name, binary
        self.machine = Machine(name)
        self.others = []

    def up(self):
        self.machine.boot(hypervisor.obtain("patched"), dom0.obtain())
        self.dom0 = self.machine.dom0
        self.guests = Guests(self.machine)
        self.guests.prepare()
        self.guests.start_default()
        self.exporter = Exporter(self.machine)
        self.exporter.install(self.binary)
        self.exporter.start()

    def down(self):
        for machine in [*self.others, self.machine]:
            machine.stop()

    def forget(self):
        """Removes what is only worth keeping after a failure: consoles and logs."""
        for machine in [*self.others, self.machine]:
            shutil.rmtree(machine.directory, ignore_errors=True)

    def scrape(self):
        return scrape(self.machine.exporter_port)

    def boot_stock(self):
        """Another host, with Debian's own Xen and without guests. Call stop() on it when done."""
        machine = Machine(f"{self.name}-stock")
        self.others.append(machine)
        machine.boot(hypervisor.obtain("stock"), dom0.obtain(), flavour="stock")
        return machine

    # Helpers on this side of the network

    free_port = staticmethod(lambda: free_ports(1)[0])

    def scratch(self, name):
        directory = self.machine.directory / name
        directory.mkdir(exist_ok=True)
        return directory

    @staticmethod
    def unpacked(package):
        """A Debian package unpacked, not installed."""
        return cached(CACHE / "unpacked" / f"{package}-{digest(packages.version_of(package))}",
                      lambda scratch: packages.unpack(package, scratch))

    @staticmethod
    def spawn(argv, log):
        """A process that cannot outlive us."""
        with open(log, "wb") as out:
            return subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                    preexec_fn=die_with_parent)


def collect(pattern):
    tests = []
    for file in sorted((LAB / "suite").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"suite_{file.stem}", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, value in vars(module).items():
            full = f"{file.stem}.{name.removeprefix('test_')}"
            if name.startswith("test_") and callable(value) and any(p in full for p in pattern.split(",")):
                tests.append((full, value, getattr(module, "DEADLINE", DEADLINE)))
    return tests


def run_one(lab, name, test, deadline):
    def overdue(*_):
        raise Overdue(f"not done after {deadline} s")

    signal.signal(signal.SIGALRM, overdue)
    began = time.monotonic()
    signal.alarm(deadline)
    try:
        note = test(lab)
    except Exception as why:
        signal.alarm(0)
        last = traceback.extract_tb(why.__traceback__)[-1]
        here = [f for f in traceback.extract_tb(why.__traceback__) if "/suite/" in f.filename]
        line = (here or [last])[-1]
        print(f"FAIL {name} ({time.monotonic() - began:.1f} s): {type(why).__name__}: {why}\n"
              f"     at {os.path.basename(line.filename)}:{line.lineno}: {line.line}", flush=True)
        return False
    finally:
        signal.alarm(0)
    print(f"ok   {name} ({time.monotonic() - began:.1f} s)" + (f": {note}" if note else ""), flush=True)
    return True


def run(name, pattern):
    tests = collect(pattern)
    if not tests:
        raise LabError(f"no test matches {pattern!r}")
    binary = exporter.find()
    if not binary:
        raise LabError("there is no exporter to test: build it, or name it in XSE_EXPORTER")
    packages.install_host_packages()
    lab = Lab(name, binary)
    say(f"testing {binary}")
    passed = 0
    try:
        lab.up()
        for test in tests:
            passed += run_one(lab, *test)
    finally:
        lab.down()
    if passed == len(tests):
        lab.forget()
    print(f"{passed} passed, {len(tests) - passed} failed", flush=True)
    return 0 if passed == len(tests) else 1
