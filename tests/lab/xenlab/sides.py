# SPDX-License-Identifier: Apache-2.0
"""The exporter's numbers between two readings of the same by libxenctrl, whatever source it uses."""

import statistics

from xenlab.metrics import Metrics

PAGE, NS = 4096, 1e-9
TOLERANCE, TYPICAL = 0.050, 0.010  # seconds by which a time may be off; why, is in suite/numbers.py
INVALID = 0xffffffff  # libxenctrl's word for a place that is not known

# What tools/readings calls it: the metric, the labels that choose one of its samples, the factor, and whether
# it is a time that grows. Everything else stays as it is on a quiet host.
KNOWN = {
    "domain.cpu_time": ("xen_domain_cpu_seconds_total", {}, NS, True),
    "domain.vcpus": ("xen_domain_vcpus_max", {}, 1, False),
    "domain.nr_online_vcpus": ("xen_domain_vcpus_online", {}, 1, False),
    "domain.tot_pages": ("xen_domain_memory_bytes", {}, PAGE, False),
    "domain.max_pages": ("xen_domain_memory_max_bytes", {}, PAGE, False),
    "domain.outstanding_pages": ("xen_domain_memory_outstanding_bytes", {}, PAGE, False),
    "domain.shr_pages": ("xen_domain_memory_shared_bytes", {}, PAGE, False),
    "domain.paged_pages": ("xen_domain_memory_paged_bytes", {}, PAGE, False),
    "domain.cpupool": ("xen_domain_cpupool", {}, 1, False),
    "domain.paused": ("xen_domain_state", {"xen_domain_state": "paused"}, 1, False),
    "domain.shutdown": ("xen_domain_state", {"xen_domain_state": "shutdown"}, 1, False),
    "domain.dying": ("xen_domain_state", {"xen_domain_state": "dying"}, 1, False),
    "domain.weight": ("xen_domain_scheduler_weight", {}, 1, False),
    "domain.cap": ("xen_domain_scheduler_cap", {}, 1, False),
    "vcpu.cpu_time": ("xen_vcpu_runstate_seconds_total", {"state": "running"}, NS, True),
    "vcpu.online": ("xen_vcpu_online", {}, 1, False),
    "vcpu.cpu": ("xen_vcpu_pcpu", {}, 1, False),
    "pcpu.idletime": ("xen_pcpu_idle_seconds_total", {}, NS, True),
    "pcpu.node": ("xen_pcpu_node", {}, 1, False),
    "pcpu.socket": ("xen_pcpu_socket", {}, 1, False),
    "pcpu.core": ("xen_pcpu_core", {}, 1, False),
    "host.total_pages": ("xen_host_memory_bytes", {}, PAGE, False),
    "host.free_pages": ("xen_host_memory_free_bytes", {}, PAGE, False),
    "host.outstanding_pages": ("xen_host_memory_outstanding_bytes", {}, PAGE, False),
    "host.nr_cpus": ("xen_host_pcpus_online", {}, 1, False),
    "host.nr_nodes": ("xen_host_nodes_online", {}, 1, False),
    "host.cpu_khz": ("xen_host_cpu_frequency_hertz", {}, 1000, False),
    "node.memsize": ("xen_node_memory_bytes", {}, 1, False),
    "node.memfree": ("xen_node_memory_free_bytes", {}, 1, False),
}


class Sides:
    """One run of tools/readings."""

    def __init__(self, guests):
        head, _, body = guests.tool("readings", 9603).text.partition("\n\n")
        self.before, self.after = {}, {}
        for when, what, whose, value in (line.split() for line in head.splitlines()):
            (self.before if when == "before" else self.after)[what, whose] = int(value)
        self.metrics = Metrics(body)
        self.domids = {uuid: labels["domid"] for uuid, labels in self.metrics.domains().items()}
        self.shown = self.by_reading()

    def whose(self, labels):
        """As the tool names it."""
        if "uuid" in labels:
            domid = self.domids[labels["uuid"]]
            return f"{domid}.{labels['vcpu']}" if "vcpu" in labels else domid
        return labels.get("pcpu", labels.get("node", "-"))

    def by_reading(self):
        """{(reading, whose): value} of every sample that has a counterpart."""
        shown = {}
        for what, (name, chosen, _, _) in KNOWN.items():
            for labels, value in self.metrics.family(name):
                if chosen.items() <= labels.items():
                    shown[what, self.whose(labels)] = value
        return shown

    def off(self, key):
        """By how much a value is outside of its bracket, or None: it moved, and may be anything in between."""
        name, _, factor, grows = KNOWN[key[0]]
        low, high = self.before[key] * factor, self.after[key] * factor
        shown = self.shown[key]
        if grows:
            return max(0.0, low - shown, shown - high)
        return abs(shown - low) if low == high else None


def compare(lab, rounds, pause, allowed_to_lack=()):
    """Compares everything, several times; returns a sentence with the figures."""
    compared, moved, worst, lacking = 0, 0, [], set()
    for _ in range(rounds):
        pause()
        sides = Sides(lab.guests)
        both = set(sides.before) & set(sides.after)
        outside = [0.0]
        for key in sorted(both):
            if sides.after[key] == INVALID or (key[0] == "pcpu.idletime" and not sides.after[key]):
                continue  # of a pCPU that is away
            if key not in sides.shown:
                lacking.add(key[0])
                continue
            off = sides.off(key)
            what = f"{KNOWN[key[0]][0]} of {key[1]}: {sides.shown[key]}, libxenctrl {key[0]} {sides.before[key]} and {sides.after[key]}"
            compared += off is not None
            moved += off is None
            if off is not None and KNOWN[key[0]][3]:
                assert off <= TOLERANCE, what
                outside.append(off)
            elif off is not None:
                assert off == 0, what
        worst.append(max(outside))
    assert lacking == set(allowed_to_lack), f"not exported: {sorted(lacking)}, expected: {sorted(allowed_to_lack)}"
    assert compared > 20 * moved, f"{moved} values moved, {compared} could be compared: it proves little"
    assert statistics.median(worst) <= TYPICAL, f"outside by, in seconds: {sorted(worst)}"
    kinds = {what for what, _ in sides.shown}
    return f"{compared} values of {len(kinds)} kinds, times outside their bracket by at most {max(worst) * 1000:.3f} ms"
