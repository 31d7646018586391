# SPDX-License-Identifier: Apache-2.0
"""One lab host: a QEMU with its directory, ports, boot and end.

The directory (build/lab/hosts/NAME) holds state.json, console.log, qemu.log and share/, which Dom0
sees as /share. Nothing else knows how QEMU is called.
"""

import ctypes
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time

from xenlab.channel import Channel
from xenlab.paths import HOSTS, LAB
from xenlab.progress import LabError, say, step, tail

BOOT_DEADLINE = 150  # seconds; an idle machine needs 12 to 15

# What QEMU's own processor must not offer, or Xen and its guests die of it: see README.md.
PROCESSOR = "EPYC,-smap,-monitor,-rdtscp,-avx,-avx2,-fma,-f16c"
XEN_OPTIONS = ("console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M dom0_max_vcpus=2 dom0_vcpus_pin "
               "bootscrub=0 noreboot loglvl=all guest_loglvl=info/warning "
               "cpufreq=dom0-kernel")  # for the hypercall that tells the time (tools/look); nothing here has frequencies
DOM0_OPTIONS = "console=hvc0 net.ifnames=0 panic=0 loglevel=5"
DEATH = re.compile(rb"(Panic on CPU \d+|Kernel panic - not syncing|Dom0 has halted)[^\r\n]*")

PR_SET_PDEATHSIG = 1


class BootFailure(Exception):
    pass


class Machine:
    def __init__(self, name):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}", name):
            raise LabError(f"a lab cannot be called {name!r}")
        self.name = name
        self.directory = HOSTS / name
        self.share = self.directory / "share"
        self.console = self.directory / "console.log"
        self.state = {}
        self.boots = 0  # tried so far
        try:
            self.state = json.loads((self.directory / "state.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            pass

    # What is known about it

    @property
    def running(self):
        return bool(self.state) and started_at(self.state["pid"]) == self.state["started"]

    @property
    def dom0(self):
        if not self.running:
            raise LabError(f"the lab {self.name!r} is not up; `lab up` starts it")
        return Channel(self.state["agent_port"], self.state["token"])

    @property
    def exporter_port(self):
        return self.state["exporter_port"]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.exporter_port}/metrics"

    def remember(self, **facts):
        self.state |= facts
        scratch = self.directory / "state.json.part"
        scratch.write_text(json.dumps(self.state, indent=1) + "\n")
        scratch.chmod(0o600)
        scratch.rename(self.directory / "state.json")

    # Its life

    def boot(self, host, xen, dom0, *, linger=False):
        """Boots, once more if it must, and returns when Dom0 takes commands.

        With `linger` the host survives this process; without, it dies with it, however that ends.
        """
        if self.running:
            raise LabError(f"the lab {self.name!r} is already up; `lab down` ends it")
        for attempt in (1, 2):
            self.boots = attempt
            try:
                with step(f"booting Xen and Dom0 as {self.name!r}: {host}"):
                    self.start(host, xen, dom0, linger)
                    self.wait_until_up()
                self.remember(host=str(host))
                return
            except BootFailure as why:
                self.stop()
                kept = self.directory / f"console.failed-{attempt}.log"
                shutil.copy(self.console, kept)
                say(f"boot {attempt} failed: {why}; the end of {kept}:\n{tail(kept)}")
                if attempt == 2:
                    raise LabError("the host did not come up, twice") from None
                say("trying once more")
            except BaseException:
                self.stop()
                raise

    def start(self, host, xen, dom0, linger):
        shutil.rmtree(self.share, ignore_errors=True)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        self.share.mkdir()
        shutil.copytree(LAB / "dom0", self.share / "dom0")
        token = secrets.token_hex(16)
        (self.share / "dom0" / "token").write_text(token)
        agent_port, exporter_port = free_ports(2)
        self.console.write_bytes(b"")
        # A PVH Dom0 needs an IOMMU, there before the devices that it is to translate for.
        iommu, behind = (["-device", "amd-iommu,intremap=on"], ",iommu_platform=on,disable-legacy=on") \
            if host.dom0 == "pvh" else ([], "")
        argv = [
            "qemu-system-x86_64", "-name", f"xen-lab-{self.name}", "-accel", "tcg,thread=multi,tb-size=512",
            "-M", "q35", "-smp", host.smp, "-m", str(host.memory), "-cpu", PROCESSOR, *iommu,
            "-display", "none", *([] if host.reboots else ["-no-reboot"]), "-nodefaults", "-serial", f"file:{self.console}",
            "-kernel", str(xen), "-append", " ".join([XEN_OPTIONS, *(["dom0=pvh"] if host.dom0 == "pvh" else []), host.boot]),
            "-initrd", f"{dom0.kernel} {DOM0_OPTIONS} lab.init={host.init} lab.xenstored={host.xenstored},{dom0.initrd}",
            "-drive", f"file={dom0.root},format=raw,if=none,id=root,snapshot=on",
            "-device", f"virtio-blk-pci,drive=root{behind}",
            "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{agent_port}-:7000,"
                       f"hostfwd=tcp:127.0.0.1:{exporter_port}-:9603",
            "-device", f"virtio-net-pci,netdev=net,romfile={behind}",
            "-fsdev", f"local,path={self.share},security_model=none,id=share,multidevs=remap",
            "-device", f"virtio-9p-pci,fsdev=share,mount_tag=share{behind}",
        ]
        with open(self.directory / "qemu.log", "wb") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True, preexec_fn=None if linger else die_with_parent)
        self.process = process
        self.state = {}
        self.remember(pid=process.pid, started=started_at(process.pid), token=token, host=None,
                      agent_port=agent_port, exporter_port=exporter_port)

    def wait_until_up(self):
        deadline = time.monotonic() + BOOT_DEADLINE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise BootFailure(f"QEMU ended: {tail(self.directory / 'qemu.log')}")
            death = DEATH.search(self.console.read_bytes())
            if death:
                raise BootFailure(death.group().decode(errors="replace"))
            if self.dom0.answers():
                return
            time.sleep(0.2)
        raise BootFailure(f"not up after {BOOT_DEADLINE} s")

    def stop(self):
        """Ends QEMU, by its process id and only if that is still the process we started."""
        if not self.running:
            return False
        pid = self.state["pid"]
        for sig, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            os.kill(pid, sig)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if getattr(self, "process", None):
                    self.process.poll()
                if not self.running:
                    return True
                time.sleep(0.05)
        raise LabError(f"QEMU {pid} survived SIGKILL")


def started_at(pid):
    """When a process started, in ticks since boot: with the pid, its identity. None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def die_with_parent():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def all_machines():
    if not HOSTS.exists():
        return []
    return [Machine(d.name) for d in sorted(HOSTS.iterdir()) if (d / "state.json").exists()]
