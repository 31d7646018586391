# SPDX-License-Identifier: Apache-2.0
"""Guests on a host, and the tools built for its Dom0.

Placement: pCPUs 0 and 1 are Dom0's. Guests share pCPU 2. The spinner has pCPU 3 in a cpupool of its own with
the null scheduler: its one vCPU is put there once and never again changes its state. On a host without the
usual guests the scheduler places them as it likes (some schedulers would not have it otherwise).
"""

import json
import time
import uuid

from xenlab import dom0
from xenlab.metrics import Metrics
from xenlab.paths import BUILD, LAB
from xenlab.progress import LabError, run

SHARED_PCPU, SPIN_PCPU, SPIN_POOL = 2, 3, "spin"
MEMORY = {"pv": 4, "pvh": 8}  # MiB

# What `lab up` starts: name, type, what it does, vCPUs.
DEFAULT = (
    ("pv-busy", "pv", "busy", 1),
    ("pv-idle", "pv", "idle", 2),
    ("pvh-busy", "pvh", "busy", 2),
    ("pvh-idle", "pvh", "idle", 1),
)


class Guests:
    def __init__(self, machine):
        self.machine = machine
        self.dom0 = machine.dom0
        self.directory = machine.share / "guests"
        self.pinned = False

    def prepare(self, xen):
        """Builds guests and tools into the share, where Dom0 finds them as /share/guests and /share/tools."""
        for what in ("guests", "tools"):
            (self.machine.share / what).mkdir(exist_ok=True)
            run([LAB / what / "build", self.machine.share / what], BUILD / f"{what}.log", env=dom0.compiling_for(xen))

    def start_default(self):
        self.pinned = True
        for name, kind, does, vcpus in DEFAULT:
            self.create(name, kind, does, vcpus=vcpus)
        self.make_pool()
        self.create("spinner", "pv", "busy", pool=SPIN_POOL)

    def make_pool(self):
        """Null scheduler where Xen has it (ours does); Debian's own falls back to its default one."""
        self.dom0.run("xl", "cpupool-cpu-remove", "Pool-0", SPIN_PCPU)
        scheduler = self.dom0.sh(f"xl cpupool-create name='\"{SPIN_POOL}\"' sched='\"null\"' cpus='[\"{SPIN_PCPU}\"]'",
                                 check=False)
        if scheduler.status:
            self.dom0.sh(f"xl cpupool-create name='\"{SPIN_POOL}\"' sched='\"credit2\"' cpus='[\"{SPIN_PCPU}\"]'")

    def create(self, name, kind="pv", does="idle", *, vcpus=1, pool=None, cpus=None, paused=False, options=(), more="",
               kernel=None, memory=None, command=None, patience=60):
        """Creates a guest by xl and returns its UUID. `does`: see guests/guest.h; `options`: for `xl create`;
        `more`: lines for its configuration; `kernel`, `memory` (MiB), `command` (line) and `patience` (seconds) for
        another guest."""
        identity = str(uuid.uuid4())
        kernel = kernel or f"/share/guests/{kind}"
        if cpus is None and self.pinned and not pool:
            cpus = SHARED_PCPU
        place = f'pool = "{pool}"\n' if pool else ""
        place += f'cpus = "{cpus}"\n' if cpus is not None else ""
        (self.directory / f"{name}.cfg").write_text(
            f'name = "{name}"\nuuid = "{identity}"\ntype = "{kind}"\nkernel = "{kernel}"\n'
            f'cmdline = "{command or does}"\nmemory = {memory or MEMORY[kind]}\nvcpus = {vcpus}\n{place}{more}\n')
        self.dom0.run("xl", "create", *(["-p"] if paused else []), *options, f"/share/guests/{name}.cfg",
                      timeout=patience)
        return identity

    def destroy(self, name):
        self.dom0.run("xl", "destroy", name)

    def domid(self, name):
        return int(self.dom0.run("xl", "domid", name).text)

    def listed(self):
        """What xl knows: {name: (domid, uuid, vCPUs)}."""
        found = {}
        for domain in json.loads(self.dom0.run("xl", "list", "-l").text):
            info = domain["config"]["c_info"]
            name = info.get("name") or "Domain-0"
            vcpus = domain["config"]["b_info"].get("max_vcpus", 0)
            found[name] = (domain["domid"], info.get("uuid", ""), vcpus)
        return found

    def tool(self, name, *arguments, **options):
        """Runs one of tools/ in Dom0."""
        return self.dom0.run(f"/share/tools/{name}", *arguments, **options)


class Bracket:
    """One run of tools/bracket: before and after as {(domid, vCPU): seconds running}, metrics between."""

    def __init__(self, guests):
        head, _, body = guests.tool("bracket", 9603).text.partition("\n\n")
        self.before, self.after = {}, {}
        for when, domid, vcpu, ns in (line.split() for line in head.splitlines()):
            (self.before if when == "before" else self.after)[int(domid), int(vcpu)] = int(ns) / 1e9
        self.runstates = Metrics(body).runstates()
        self.both = set(self.before) & set(self.after)


def wait_for(what, condition, patience=30.0, pause=0.1):
    """Polls until condition() is true and returns what it gave; at the end of the patience a LabError."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"waited {patience:g} s in vain for {what}")
        time.sleep(pause)
