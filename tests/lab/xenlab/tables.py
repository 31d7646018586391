# SPDX-License-Identifier: Apache-2.0
"""What is in the statistics tables, beside what Xen says by hypercalls at the same time (tools/look).

The fields are written down here once more, from xen-patches/ABI.md and not from the exporter's header:
whoever moves one has to say so in both places.
"""

import json
import struct

HOST_TABLE, DESCRIPTOR_TABLE = 0x7ff2, 0x10000
NOT_AVAILABLE = (1 << 64) - 1
RUNNING, RUNNABLE, BLOCKED, OFFLINE = range(4)

RECORD = "seq:I flags:I index:I reserved:I "
FRAME = "magic:I version:I target:I frame:I nr_frames:I flags:I generation:Q nr_kinds:I kind_size:I"
FIELDS = {
    1: ("domain", RECORD + "handle:16s creation_time:Q generation:Q guest_type:I max_vcpus:I dying:Q "
        "pages:Q max_pages:Q outstanding_pages:Q shared_pages:Q paged_pages:Q xenheap_pages:Q "
        "event_channels:Q max_event_channels:Q grant_frames:Q max_grant_frames:Q maptrack_frames:Q "
        "max_maptrack_frames:Q paused:Q shutdown:Q cpupool:Q scheduler_weight:Q scheduler_cap:Q"),
    2: ("vcpu", RECORD + "state:I cpu:I state_entry_time:Q time:4Q counting_since:Q dispatches:Q migrations:Q "
        "wait_sum:Q waits:16Q"),
    16: ("host", RECORD + "domains_created:Q domains_destroyed:Q pages:Q pages_retired:Q domids:Q "
         "max_domain_pages:Q boot_time:Q refreshed:Q total_pages:Q free_pages:Q outstanding_pages:Q "
         "cpus_online:Q cpus_present:Q nodes_online:Q cpu_khz:Q"),
    17: ("clock", RECORD + "tsc:Q system_time:Q tsc_to_ns_mul:I tsc_shift:i"),
    18: ("bitmap", "word:64Q"),
    19: ("pcpu", RECORD + "state:I reserved2:I state_entry_time:Q time:4Q online_since:Q online_time:Q "
         "context_switches:Q counting_since:Q node:I socket:I core:I cstates:I frequency_khz:Q "
         "cstate_time:8Q cstate_entries:8Q"),
    20: ("node", RECORD + "total_pages:Q free_pages:Q"),
    21: ("perfc", RECORD + "value:Q type:I element:I name:64s"),
    32: ("descriptor", RECORD + "kind:I offset:I size:I count:I type:I unit:I exponent:i scale:I field_flags:I "
         "reserved2:I base:Q name:48s help:128s"),
}
VALID = 1
VCPU_ONLINE = PCPU_ONLINE = 2


class Record:
    """A record's fields as attributes; one that the hypervisor does not have (yet) is absent."""

    def __init__(self, layout, data):
        at = 0
        for word in layout.split():
            name, form = word.split(":")
            size = struct.calcsize("<" + form)
            if at + size > len(data):
                break
            value = struct.unpack_from("<" + form, data, at)
            setattr(self, name, list(value) if len(value) > 1 else value[0])
            at += size

    @property
    def valid(self):
        return bool(self.flags & VALID)

    def has(self, name):
        return hasattr(self, name)

    def times(self, now):
        """The time in each state at `now`, what has passed in the present state included."""
        times = list(self.time)
        times[self.state] += now - self.state_entry_time
        return times

    @property
    def constant(self):
        """What no update may change."""
        return sum(self.time) - self.state_entry_time


class Table:
    def __init__(self, found):
        self.error = found.get("error")
        if self.error:
            return
        self.frames = [Record(FRAME, bytes.fromhex(frame)) for frame in found["frames"]]
        self.generation, self.dead = self.frames[0].generation, bool(self.frames[0].flags & 1)
        self.directory = {kind["kind"]: kind for kind in found["kinds"]}
        for number, (name, layout) in FIELDS.items():
            records = self.directory.get(number, {}).get("records", [])
            setattr(self, name, [Record(layout, bytes.fromhex(record)) for record in records])

    def domids(self):
        """The host's bitmap."""
        return {number * 4096 + word * 64 + bit for number, record in enumerate(self.bitmap)
                for word, bits in enumerate(record.word) for bit in range(64) if bits >> bit & 1}


class Look:
    """One run of tools/look: .before and .after as libxenctrl has it, and the tables between."""

    def __init__(self, guests, *targets):
        found = json.loads(guests.tool("look", *(targets or ("all",))).text)
        self.before, self.after = found["before"], found["after"]
        self.tables = {int(target): Table(table) for target, table in found["tables"].items()}

    def __getitem__(self, domid):
        return self.tables[domid]

    @property
    def host(self):
        return self.tables[HOST_TABLE]

    def domain(self, domid):
        return self.tables[domid].domain[0]

    def vcpus(self):
        """{(domid, vCPU): record} of every valid one."""
        return {(target, vcpu.index): vcpu for target, table in self.tables.items()
                if target not in (HOST_TABLE, DESCRIPTOR_TABLE) and not table.error for vcpu in table.vcpu if vcpu.valid}

    def unchanged_but_for_time(self):
        """Domains that libxenctrl described in the same way before and after: {domid: description}."""
        return {int(domid): told for domid, told in self.before["domains"].items()
                if domid in self.after["domains"] and timeless(told) == timeless(self.after["domains"][domid])}


def timeless(told):
    """What libxenctrl says of a domain, without what changes by itself."""
    running = 1 << 5 | 1 << 4  # XEN_DOMINF_running, _blocked
    return {**told, "flags": told["flags"] & ~running, "cpu_time": 0,
            "vcpus": [vcpu and vcpu["online"] for vcpu in told["vcpus"]]}
