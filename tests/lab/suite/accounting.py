# SPDX-License-Identifier: Apache-2.0
"""The time of all pCPUs is the running time of all domains and the idle time, and nothing else."""

import time

from xenlab.tables import RUNNING, Look

DEADLINE = 240
LONG_HOSTS = (
    dict(boot="sched=null", smp="6", guests=False),
    dict(flavour="release"),
    dict(dom0="pvh"),
)
SHARP = 50_000_000  # ns from the hypercall before the tables to the one after them
LOOKS = 30  # at most, to get such a one
PART = 0.01


class Times:
    """Running and idle time, all at one moment: that of a look which took as little as can be had."""

    def __init__(self, lab):
        look, self.width = None, float("inf")
        for _ in range(LOOKS):
            another = Look(lab.guests, "all")
            width = another.after["now"] - another.before["now"]
            if width < self.width:
                look, self.width = another, width
            if width < SHARP:
                break
        self.now = (look.before["now"] + look.after["now"]) // 2
        self.vcpus = look.vcpus()
        self.running = {key: vcpu.times(self.now)[RUNNING] for key, vcpu in self.vcpus.items()}
        self.idle = {int(cpu): (idle + look.after["idle"][cpu]) // 2 for cpu, idle in look.before["idle"].items()}


def test_domains_and_idle_make_up_the_pcpus(lab):
    # Catches: time lost at a context switch, a vCPU counted twice, idle time that is not.
    first = Times(lab)
    time.sleep(lab.scale(15, 60))
    second = Times(lab)
    elapsed = second.now - first.now
    assert set(first.running) == set(second.running)
    grown = {key: second.running[key] - first.running[key] for key in first.running}
    idle = {cpu: second.idle[cpu] - first.idle[cpu] for cpu in first.idle}
    whole = elapsed * len(idle)
    blur = (first.width + second.width) / 2  # of a moment that the machine below stretched
    assert blur < PART * elapsed * 5, f"the looks took {first.width / 1e9} and {second.width / 1e9} s: this proves nothing"
    found = sum(grown.values()) + sum(idle.values())
    assert abs(found - whole) <= PART * whole + blur * len(idle), f"{found / 1e9:.3f} s of {whole / 1e9:.3f} s"
    told = f"{found / 1e9:.3f} s of {len(idle)} x {elapsed / 1e9:.3f} s: {100 * (found / whole - 1):+.3f} %"
    if lab.host.guests:  # all vCPUs are pinned
        worst = 0.0
        for cpu in idle:
            here = idle[cpu] + sum(by for key, by in grown.items() if second.vcpus[key].cpu == cpu)
            worst = max(worst, abs(here / elapsed - 1))
            assert abs(here - elapsed) <= PART * elapsed + blur, f"pCPU {cpu}: {here / 1e9:.3f} s of {elapsed / 1e9:.3f} s"
        told += f"; single pCPUs within {100 * worst:.3f} %"
    return told
