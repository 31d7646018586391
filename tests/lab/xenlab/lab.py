# SPDX-License-Identifier: Apache-2.0
"""What a test gets: a booted host with guests and exporter, and helpers on this side of the network."""

import shutil
import subprocess

from xenlab.exporter import Exporter
from xenlab.guests import Guests
from xenlab.machine import Machine, die_with_parent, free_ports
from xenlab.metrics import scrape
from xenlab.packages import BOOKWORM
from xenlab.paths import CACHE
from xenlab.progress import cached, digest, step


class Lab:
    def __init__(self, name, host, images, binary, long=False):
        self.host, self.images, self.binary = host, images, binary
        self.long = long  # whether there is time for the full figures
        self.machine = Machine(name)
        self.doing = None  # what progress() said last

    def up(self):
        self.machine.boot(self.host, *self.images)
        self.dom0 = self.machine.dom0
        self.guests = Guests(self.machine)
        self.guests.prepare(self.host.xen)
        if self.host.guests:
            with step("starting guests"):
                self.guests.start_default()
        self.exporter = Exporter(self.machine)
        self.exporter.install(self.binary)
        if self.host.exporter:
            self.exporter.start()

    def down(self):
        self.machine.stop()

    def forget(self):
        """Removes what is only worth keeping after a failure: consoles and logs."""
        shutil.rmtree(self.machine.directory, ignore_errors=True)

    def scale(self, short, long):
        """How much of something: what is quick and solid, or the full figure of `--long`."""
        return long if self.long else short

    def progress(self, text):
        """Where a long test is; shown from time to time while it runs."""
        self.doing = text

    def scrape(self):
        return scrape(self.machine.exporter_port)

    free_port = staticmethod(lambda: free_ports(1)[0])

    def scratch(self, name):
        directory = self.machine.directory / name
        directory.mkdir(exist_ok=True)
        return directory

    @staticmethod
    def unpacked(package):
        """A Debian package unpacked, not installed."""
        return cached(CACHE / "unpacked" / f"{package}-{digest(BOOKWORM.version_of(package))}",
                      lambda scratch: BOOKWORM.unpack(package, scratch))

    @staticmethod
    def spawn(argv, log):
        """A process that cannot outlive us."""
        with open(log, "wb") as out:
            return subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                    preexec_fn=die_with_parent)
