# SPDX-License-Identifier: Apache-2.0
"""Every field of the tables against somebody else who knows: libxenctrl, xl, Xen's debug keys, Dom0."""

import re
import time

from xenlab.guests import wait_for
from xenlab.metrics import RUNSTATES
from xenlab.tables import DESCRIPTOR_TABLE, FIELDS, HOST_TABLE, NOT_AVAILABLE, OFFLINE, PCPU_ONLINE, RUNNING, VCPU_ONLINE, Look

DEADLINE = 240
LONG_HOSTS = (dict(flavour="release"), dict(dom0="pvh"))

DYING, HVM, SHUTDOWN, PAUSED = 1, 2, 4, 8  # XEN_DOMINF_*
PV_GUEST, PVH_GUEST = 1, 3
WANDER = 100_000_000  # ns between the clocks of two emulated pCPUs on a busy machine
BOUND = {"event_channels": 50, "grant_frames": 6, "maptrack_frames": 7}  # of the guest made for it


def expected_of(told):
    """What libxenctrl says of a domain, under the names of the table's fields."""
    flags = told["flags"]
    wanted = {name: told[name] for name in ("pages", "max_pages", "outstanding_pages", "shared_pages", "paged_pages",
                                            "event_channels", "grant_frames", "max_grant_frames", "cpupool")
              if name in told}
    wanted["paused"] = int(bool(flags & PAUSED))
    wanted["shutdown"] = flags >> 16 & 255 if flags & SHUTDOWN else NOT_AVAILABLE
    for name in ("weight", "cap"):
        wanted[f"scheduler_{name}"] = NOT_AVAILABLE if told[name] is None else told[name]
    wanted["handle"] = bytes.fromhex(told["handle"])
    wanted["max_vcpus"] = len(told["vcpus"])
    wanted["guest_type"] = PVH_GUEST if flags & HVM else PV_GUEST
    return wanted


def compare(look, only=()):
    """Every domain that did not change meanwhile against libxenctrl; how many values were compared."""
    compared = 0
    for domid, told in look.unchanged_but_for_time().items():
        if only and domid not in only or look[domid].error:
            continue
        record = look.domain(domid)
        for name, value in expected_of(told).items():
            shown = getattr(record, name)
            assert shown == value, f"domain {domid}: {name} is {shown}, libxenctrl says {value}"
            compared += 1
        for vcpu, about in zip(look[domid].vcpu, told["vcpus"]):
            assert bool(vcpu.flags & VCPU_ONLINE) == bool(about["online"]), f"domain {domid} vCPU {vcpu.index}: online"
            assert vcpu.state != RUNNING or vcpu.flags & VCPU_ONLINE
            compared += 1
    return compared


def compare_soon(lab, *domids):
    """As compare(), when there was a look between two equal readings."""
    targets = domids or ("all",)
    return wait_for("a look between two equal readings", lambda: compare(Look(lab.guests, *targets), domids))


def by_debug_key(lab, key, pattern):
    """The numbers that Xen says on its console for a debug key."""
    before = lab.machine.console.stat().st_size
    lab.dom0.run("xl", "debug-keys", key)
    found = wait_for(f"the answer to debug key {key}", lambda: re.search(
        pattern, lab.machine.console.read_bytes()[before:].decode(errors="replace"), re.S))
    return list(map(int, found.groups()))


def test_domains_as_libxenctrl_has_them(lab):
    # Catches: a field of another domain, in other units, at another offset, or never written again.
    return f"{compare_soon(lab)} values of {len(Look(lab.guests, 'all').unchanged_but_for_time())} domains"


def test_a_domain_made_to_measure(lab):
    # Catches: limits that are constants by chance; what only Xen's own debug keys tell.
    before = Look(lab.guests, "host").before["now"]
    lab.guests.create("measured", "pvh", "idle", vcpus=3, more=f'max_event_channels = {BOUND["event_channels"]}\n'
                      f'max_grant_frames = {BOUND["grant_frames"]}\nmax_maptrack_frames = {BOUND["maptrack_frames"]}\n'
                      'cpu_weight = 777\ncap = 33\n')
    try:
        domid = lab.guests.domid("measured")
        compare_soon(lab, domid)
        look = Look(lab.guests, domid)
        record = look.domain(domid)
        for name, value in BOUND.items():
            assert getattr(record, f"max_{name}") == value, f"max_{name}: {getattr(record, f'max_{name}')}, configured {value}"
        assert (record.scheduler_weight, record.scheduler_cap) == (777, 33)
        assert before - WANDER <= record.creation_time <= look.after["now"] + WANDER
        assert record.dying == 0 and record.generation == look[domid].generation > 0
        told = by_debug_key(lab, "q", rf"General information for domain {domid}:.*?nr_pages=(\d+) xenheap_pages=(\d+) .*?max_pages=(\d+)")
        shown = [getattr(record, name) for name in ("pages", "xenheap_pages", "max_pages")]
        assert told == shown, f"by the debug key {told}, by the table {shown}"
        told = by_debug_key(lab, "g", rf"grant-table for remote d{domid}\D.*?(\d+) frames \((\d+) max\), (\d+) maptrack frames \((\d+) max\)")
        shown = [getattr(record, name) for name in ("grant_frames", "max_grant_frames", "maptrack_frames", "max_maptrack_frames")]
        assert told == shown, f"by the debug key {told}, by the table {shown}"
    finally:
        lab.guests.destroy("measured")


def test_pause_rename_and_pool_show(lab):
    # Catches: a change that reaches the record only by chance, or not at all.
    lab.guests.create("moved", "pv", "busy")
    domid = lab.guests.domid("moved")
    try:
        compare_soon(lab, domid)
        at_first = Look(lab.guests, domid).domain(domid)
        lab.dom0.run("xl", "pause", "moved")
        compare_soon(lab, domid)
        assert Look(lab.guests, domid).domain(domid).paused == 1
        lab.dom0.run("xl", "unpause", "moved")
        compare_soon(lab, domid)
        assert Look(lab.guests, domid).domain(domid).paused == 0
        lab.dom0.run("xl", "rename", "moved", "renamed")
        compare_soon(lab, domid)
        assert Look(lab.guests, domid).domain(domid).handle == at_first.handle, "a name changed the handle"
        lab.dom0.run("xl", "rename", "renamed", "moved")
        lab.dom0.run("xl", "sched-credit2", "-d", "moved", "-w", 300, "-c", 20)
        compare_soon(lab, domid)
        assert Look(lab.guests, domid).domain(domid).scheduler_weight == 300
        constant = Look(lab.guests, domid)[domid].vcpu[0].constant
        if lab.host.guests:
            lab.dom0.run("xl", "vcpu-pin", "moved", "all", "all", "all")
            lab.dom0.run("xl", "cpupool-migrate", "moved", "spin")
            compare_soon(lab, domid)
            there = Look(lab.guests, domid)
            assert there.domain(domid).cpupool != at_first.cpupool
            assert there.domain(domid).scheduler_weight == NOT_AVAILABLE, "the null scheduler has no weights"
            lab.dom0.run("xl", "cpupool-migrate", "moved", "Pool-0")
            compare_soon(lab, domid)
        assert Look(lab.guests, domid)[domid].vcpu[0].constant == constant, "time was lost on the way"
    finally:
        lab.guests.destroy("moved")


def test_a_crash_shows(lab):
    # Catches: a shutdown without its code, a domain shown alive that ended itself.
    told = []
    for kind in ("pv", "pvh"):
        name = f"crash-{kind}"
        lab.guests.create(name, kind, "crashing", options=["-e"])
        domid = lab.guests.domid(name)
        try:
            wait_for(f"{name} to end", lambda: Look(lab.guests, domid).domain(domid).shutdown != NOT_AVAILABLE)
            compare_soon(lab, domid)
            told.append(f"{kind} {Look(lab.guests, domid).domain(domid).shutdown}")
        finally:
            lab.guests.destroy(name)
    return "codes: " + ", ".join(told)


def test_host_as_libxenctrl_has_it(lab):
    # Catches: a value of another unit or moment, a refresh that stops.
    def look_at():
        look = Look(lab.guests, "host")
        told, host = look.before["physical"], look.host.host[0]
        if told != look.after["physical"] or host.free_pages != told["free_pages"]:
            return None  # memory was on the move since the last refresh
        for name in ("total_pages", "free_pages", "outstanding_pages", "cpu_khz"):
            assert getattr(host, name) == told[name], f"{name}: {getattr(host, name)}, libxenctrl says {told[name]}"
        assert (host.cpus_online, host.cpus_present) == (told["nr_cpus"], len(look.before["topology"]))
        assert host.nodes_online == told["nr_nodes"]
        nodes = [(node.total_pages * 4096, node.free_pages * 4096) for node in look.host.node if node.valid]
        assert nodes == [tuple(node) for node in look.before["nodes"]], f"{nodes}, libxenctrl says {look.before['nodes']}"
        return look

    look = wait_for("memory that stays as it is", look_at, patience=60)
    age = look.after["now"] - look.host.host[0].refreshed
    assert -WANDER <= age < 10_000_000_000, f"refreshed {age / 1e9} s ago"
    refreshed = look.host.host[0].refreshed
    wait_for("the next refresh", lambda: Look(lab.guests, "host").host.host[0].refreshed > refreshed)
    boot = float(lab.dom0.run("date", "+%s.%N").text) - Look(lab.guests, "host").before["now"] / 1e9
    shown = look.host.host[0].boot_time / 1e9
    assert abs(boot - shown) < 5, f"booted at {shown}, by Dom0's clock at {boot}"
    return f"boot time off by {shown - boot:+.2f} s, refreshed {age / 1e9:.2f} s before"


def test_pcpus_as_libxenctrl_has_them(lab):
    # Catches: a pCPU under another's number, idle time of another, a place in another socket.
    look = Look(lab.guests, "host")
    records = [record for record in look.host.pcpu if record.valid]
    assert len(records) == len(look.before["topology"]) == look.before["physical"]["nr_cpus"]
    for record, (core, socket, node) in zip(records, look.before["topology"]):
        assert (record.core, record.socket, record.node) == (core, socket, node), f"pCPU {record.index}"
        assert record.flags & PCPU_ONLINE and record.state != OFFLINE
        low, high = look.before["idle"][str(record.index)], look.after["idle"][str(record.index)]
        early, late = (record.times(now)[RUNNING] if record.state == RUNNING else record.time[RUNNING]
                       for now in (look.before["now"] - WANDER, look.after["now"] + WANDER))
        assert early <= high + WANDER and late >= low - WANDER, f"pCPU {record.index} idle {early} to {late}, by hypercall {low} to {high}"
        up = record.online_time + look.after["now"] - record.online_since
        assert abs(sum(record.times(look.after["now"])[:3]) - up) < 2 * WANDER, f"pCPU {record.index}"
    first = [record.context_switches for record in records]
    wait_for("a context switch on pCPU 0", lambda: Look(lab.guests, "host").host.pcpu[0].context_switches > first[0])
    return f"{len(records)} pCPUs"


def test_idle_states_as_xenpm_has_them(lab):
    # Catches: idle states of another pCPU, ticks taken for nanoseconds.
    text = lab.dom0.run("xenpm", "get-cpuidle-states", check=False).text
    shown = {record.index: record for record in Look(lab.guests, "host").host.pcpu if record.valid}
    told, made_up = {}, set()
    for part in text.split("cpu id")[1:]:
        cpu = int(re.match(r"\s*:\s*(\d+)", part).group(1))
        told[cpu] = [int(ms) for ms in re.findall(r"residency\s*\[\s*(\d+) ms\]", part)]
        # Where Xen has no driver for idle states it tells xenpm of one transition into each of two.
        if set(re.findall(r"transition\s*\[\s*(\d+)\]", part)) == {"1"}:
            made_up.add(cpu)
    assert set(told) == set(shown), f"xenpm knows {sorted(told)}"
    for cpu, residencies in told.items():
        record = shown[cpu]
        if cpu in made_up:
            assert record.cstates == 0, f"pCPU {cpu}: {record.cstates} idle states, but Xen knows none"
            continue
        assert record.cstates == len(residencies), f"pCPU {cpu}: {record.cstates} states, xenpm has {len(residencies)}"
        for state, ms in enumerate(residencies):
            # The table is refreshed about once a second, and was read after xenpm.
            off = record.cstate_time[state] / 1e6 - ms
            assert -3000 <= off <= 10000, f"pCPU {cpu} C{state}: {record.cstate_time[state] / 1e6} ms, xenpm said {ms}"
    return f"{len(told)} pCPUs, {len(made_up)} of them without a driver for idle states"


def test_every_wait_is_counted(lab):
    # Catches: an exit from runnable without its wait, a wait in another's bucket, a sum that drifts.
    first = Look(lab.guests, "all").vcpus()
    time.sleep(lab.scale(5, 30))
    waits = 0
    for key, last in Look(lab.guests, "all").vcpus().items():
        if key not in first:
            continue
        begin = first[key]
        assert last.wait_sum - begin.wait_sum == last.time[1] - begin.time[1], f"domain {key[0]} vCPU {key[1]}"
        low = sum(count * (4096 << b - 1 if b else 0) for b, count in enumerate(last.waits))
        assert low <= last.wait_sum, f"domain {key[0]} vCPU {key[1]}: {last.waits} make at least {low}, the sum is {last.wait_sum}"
        if not last.waits[15]:
            high = sum(count * (4096 << b) for b, count in enumerate(last.waits))
            assert last.wait_sum <= high, f"domain {key[0]} vCPU {key[1]}: {last.waits} make at most {high}, the sum is {last.wait_sum}"
        grown = sum(last.waits) - sum(begin.waits)
        # Whoever is dispatched was runnable before, except in the very first moment.
        assert last.dispatches - begin.dispatches <= grown + 1, f"domain {key[0]} vCPU {key[1]}: {grown} waits, {last.dispatches - begin.dispatches} dispatches"
        assert last.migrations <= last.dispatches
        waits += grown
    assert waits > 10, "nobody waited: it proves nothing"
    return f"{waits} waits of {len(first)} vCPUs"


def test_a_life_of_waits_from_the_beginning(lab):
    # Catches: the first wait lost, time before counting_since counted.
    lab.guests.create("fresh", "pv", "busy", paused=True)
    domid = lab.guests.domid("fresh")
    try:
        first = Look(lab.guests, domid)[domid].vcpu[0]
        assert first.wait_sum == first.dispatches == sum(first.waits) == 0, "it has not run yet"
        assert first.counting_since > 0
        lab.dom0.run("xl", "unpause", "fresh")

        def settled():
            record = Look(lab.guests, domid)[domid].vcpu[0]
            return record if record.dispatches > 5 else None

        record = wait_for("some dispatches", settled)
        assert record.wait_sum == record.time[1], f"waited {record.wait_sum}, runnable {record.time[1]}"
        assert sum(record.waits) == record.dispatches, f"{sum(record.waits)} waits ended, {record.dispatches} of them by running"
        assert record.migrations <= 1, "it is pinned"
        return f"{record.dispatches} dispatches, waited {record.wait_sum / 1e9:.3f} s, all of its time {RUNSTATES[1]}"
    finally:
        lab.guests.destroy("fresh")


def test_descriptors_name_every_field(lab):
    # Catches: a field that nobody can find who does not know it, a descriptor that points elsewhere.
    table = Look(lab.guests, "descriptors")[DESCRIPTOR_TABLE]
    assert not table.error, table.error
    look = Look(lab.guests, "host", 0)
    sizes = {number: kind["size"] for target in (HOST_TABLE, 0) for number, kind in look[target].directory.items()}
    records = [record for record in table.descriptor if record.valid]
    seen = {}
    for record in records:
        name, text = (bytes(field).split(b"\0")[0].decode() for field in (record.name, record.help))
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name), f"{name!r}"
        assert text, f"{name} has no help text"
        # Kinds that this Xen does not have (performance counters) may be described all the same.
        assert record.kind in FIELDS, f"{name} is of kind {record.kind}"
        if record.kind in sizes:
            assert record.offset + record.size * record.count <= sizes[record.kind], f"{name} ends behind its record"
        assert record.size in (4, 8, 16, 64) and record.type in range(1, 7), f"{name}: size {record.size}, type {record.type}"
        seen.setdefault(record.kind, {})[record.offset] = (name, record.size * record.count)
    missing = []
    for number, (kind, layout) in FIELDS.items():
        if kind in ("descriptor", "bitmap") or number not in sizes:
            continue
        at = 0
        for word in layout.split():
            field, form = word.split(":")
            size = {"I": 4, "i": 4, "Q": 8}.get(form[-1], 1) * int(form[:-1] or 1)
            if at >= 16 and not field.startswith("reserved") and seen.get(number, {}).get(at) != (field, size):
                missing.append(f"{kind}.{field}")
            at += size
    assert not missing, f"not described, or not with its name and size: {', '.join(missing)}"
    return f"{len(records)} descriptors"
