# SPDX-License-Identifier: Apache-2.0
"""What an administrator does to a guest shows in its table: with a Linux in it, PV and PVH."""

from xenlab.guests import wait_for
from xenlab.linux import Linux
from xenlab.tables import Look

HOST = dict(guests=False)  # who is busy would only slow down a Linux that boots
LONG = True
DEADLINE = LONG_DEADLINE = 900
ONLINE = 1 << 1


def record_of(lab, domid):
    return Look(lab.guests, domid).domain(domid)


def agrees(lab, domid):
    """The record of a domain when libxenctrl said the same before and after it; and says so too."""
    def look_at():
        look = Look(lab.guests, domid)
        told = look.unchanged_but_for_time().get(domid)
        if not told:
            return None
        record = look.domain(domid)
        assert (record.pages, record.max_pages) == (told["pages"], told["max_pages"]), f"{record.pages} of {record.max_pages} pages, {told}"
        shown = [bool(vcpu.flags & ONLINE) for vcpu in look[domid].vcpu]
        assert shown == [bool(about["online"]) for about in told["vcpus"]], f"vCPUs online: {shown}, {told['vcpus']}"
        assert record.event_channels == told["event_channels"] and record.grant_frames == told["grant_frames"]
        return look

    return wait_for("a look between two equal readings", look_at, patience=120)


def on_linux(lab, test):
    told = []
    for kind in ("pv", "pvh"):
        linux = Linux(lab, kind)
        linux.create(vcpus=2)
        try:
            wait_for(f"{linux.name} to be up", linux.is_up, patience=180, pause=1)
            lab.progress(f"{kind} is up")
            told.append(f"{kind}: {test(lab, linux)}")
        finally:
            linux.destroy()
    return "; ".join(told)


def test_memory_and_vcpus(lab):
    # Catches: pages counted where they are allocated but not where they are given back; a vCPU online for ever.
    def change(lab, linux):
        domid = linux.domid
        before = agrees(lab, domid).domain(domid).pages
        lab.dom0.run("xl", "mem-set", linux.name, "96m")
        wait_for("its balloon", lambda: record_of(lab, domid).pages <= before - 28 * 256, patience=120)
        less = agrees(lab, domid).domain(domid).pages
        lab.dom0.run("xl", "mem-set", linux.name, "120m")
        wait_for("its balloon to shrink", lambda: record_of(lab, domid).pages >= less + 20 * 256, patience=120)
        more = agrees(lab, domid).domain(domid).pages
        online = []
        for count in (1, 2, 1, 2):
            lab.dom0.run("xl", "vcpu-set", linux.name, count)
            wait_for(f"{count} vCPUs", lambda: sum(bool(v.flags & ONLINE) for v in Look(lab.guests, domid)[domid].vcpu) == count, patience=120)
            online.append(sum(bool(v.flags & ONLINE) for v in agrees(lab, domid)[domid].vcpu))
        return f"{before}, {less}, {more} pages; {online} vCPUs"

    return on_linux(lab, change)


def test_reboot(lab):
    # Catches: the old life's table taken for the new one's, or kept.
    def reboot(lab, linux):
        domid = linux.domid
        before = agrees(lab, domid)
        lab.dom0.run("xl", "reboot", linux.name)
        wait_for("its second life", lambda: domid != int(lab.dom0.run("xl", "domid", linux.name, check=False).text or domid), patience=180)
        after = agrees(lab, linux.domid)
        first, second = before.domain(domid), after.domain(linux.domid)
        assert second.generation > first.generation and second.creation_time > first.creation_time
        assert second.handle == first.handle, "a reboot changed its UUID"
        wait_for("the end of the first", lambda: domid not in Look(lab.guests, "host").host.domids(), patience=60)
        return f"generation {first.generation}, then {second.generation}"

    return on_linux(lab, reboot)


def test_save_and_restore(lab):
    # Catches: a suspended domain shown alive, the restored one shown with the counters of the saved one.
    def save(lab, linux):
        domid = linux.domid
        before = agrees(lab, domid).domain(domid)
        lab.dom0.run("xl", "save", linux.name, "/tmp/saved", timeout=300)
        wait_for("its end", lambda: domid not in Look(lab.guests, "host").host.domids(), patience=60)
        lab.dom0.run("xl", "restore", "/tmp/saved", timeout=300)
        lab.dom0.run("rm", "/tmp/saved")
        after = agrees(lab, linux.domid)
        record = after.domain(linux.domid)
        assert record.handle == before.handle and record.generation > before.generation
        age = after.after["now"] - record.creation_time
        for vcpu in after[linux.domid].vcpu:
            assert sum(vcpu.times(after.after["now"])) <= age + 50_000_000, f"vCPU {vcpu.index} is older than its domain"
        return f"generation {before.generation}, then {record.generation}"

    return on_linux(lab, save)


def test_shutdown_by_request(lab):
    # Catches: a shutdown code other than the one that was meant.
    def off(lab, linux):
        domid = linux.domid
        lab.dom0.run("xl", "shutdown", linux.name)
        wait_for("its end", lambda: domid not in Look(lab.guests, "host").host.domids(), patience=180)
        return "gone"

    return on_linux(lab, off)
