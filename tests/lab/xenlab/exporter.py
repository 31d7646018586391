# SPDX-License-Identifier: Apache-2.0
"""The exporter in Dom0: brought in through the share with the libraries it needs, and started there."""

import http.client
import os
import shutil
import subprocess
import time
from pathlib import Path

from xenlab.metrics import scrape
from xenlab.paths import REPO
from xenlab.progress import LabError, tail

OPTIONS = ("--web.listen-address=0.0.0.0:9603",)
FOR_LAB = REPO / "build" / "lab-exporter" / "exporter" / "xen-stats-exporter"  # by ./dev test
HOME = "/tmp/exporter"  # in Dom0
GLIBC = ("linux-vdso", "ld-linux", "libc.so", "libm.so", "libpthread", "libdl", "librt", "libresolv")
PATIENCE = 30  # seconds until it answers


def links_xen(binary):
    """Builds without Xen's libraries exist too; they are of no use here."""
    return binary.is_file() and b"libxenforeignmemory.so" in binary.read_bytes()


def find():
    """The binary: $XSE_EXPORTER, else the one built for the lab, else the newest. None if there is none."""
    named = os.environ.get("XSE_EXPORTER")
    if named:
        if not Path(named).is_file():
            raise LabError(f"XSE_EXPORTER names {named}, which is not there")
        return Path(named)
    if links_xen(FOR_LAB):
        return FOR_LAB
    built = (p for p in (REPO / "build").glob("*/exporter/xen-stats-exporter") if links_xen(p))
    return max(built, key=lambda p: p.stat().st_mtime, default=None)


class Exporter:
    def __init__(self, machine):
        self.machine = machine
        self.dom0 = machine.dom0
        self.log = machine.share / "exporter" / "log"

    def install(self, binary):
        """Copies it into Dom0, so that a new build beside a running one changes nothing."""
        share = self.machine.share / "exporter"
        shutil.rmtree(share, ignore_errors=True)
        (share / "lib").mkdir(parents=True)
        shutil.copy(binary, share / "xen-stats-exporter")
        linked = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        for line in linked.splitlines():
            words = line.split()
            if len(words) >= 3 and words[1] == "=>" and not words[0].startswith(GLIBC):
                shutil.copy(words[2], share / "lib" / words[0])
        self.dom0.sh(f"rm -rf {HOME} && mkdir -p {HOME} && cp -r /share/exporter/lib /share/exporter/xen-stats-exporter {HOME}")

    def run(self, *arguments, **options):
        """Runs it to its end; for what it says and how it exits."""
        return self.dom0.run(f"{HOME}/xen-stats-exporter", *arguments, env={"LD_LIBRARY_PATH": f"{HOME}/lib"},
                             check=False, **options)

    def start(self, *arguments, prefix=""):
        """Starts it in the background, perhaps under another command, and returns when it answers."""
        words = " ".join(arguments or OPTIONS)
        pid = self.dom0.sh(f"LD_LIBRARY_PATH={HOME}/lib setsid {prefix} {HOME}/xen-stats-exporter {words} "
                           f"</dev/null >>/share/exporter/log 2>&1 & echo $!").text
        self.machine.remember(exporter_pid=int(pid))
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return scrape(self.machine.exporter_port)
            except (OSError, http.client.HTTPException) as why:
                if not self.alive() or time.monotonic() > deadline:
                    state = "does not answer" if self.alive() else "ended at once"
                    raise LabError(f"the exporter {state} ({why}); its log:\n{tail(self.log)}") from None
            time.sleep(0.2)

    @property
    def pid(self):
        return self.machine.state.get("exporter_pid")

    def alive(self):
        return self.pid and self.dom0.run("test", "-d", f"/proc/{self.pid}", check=False).status == 0

    def signal(self, name):
        self.dom0.run("kill", f"-{name}", self.pid)

    def stop(self):
        """Ends it by its process id."""
        if not self.alive():
            return
        self.signal("TERM")
        deadline = time.monotonic() + 10
        while self.alive():
            if time.monotonic() > deadline:
                self.signal("KILL")
                raise LabError("the exporter did not end within 10 s of SIGTERM")
            time.sleep(0.1)
