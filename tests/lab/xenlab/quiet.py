# SPDX-License-Identifier: Apache-2.0
"""What scrapes cost: system calls of the exporter by strace, the host's hypercalls by xenperf, its locks by xenlockprof."""

import re
import time

PROBE_PERIOD = 3.0  # seconds between two liveness probes of xenstored, at the least
HEADER = 16  # bytes that open each xenstore message
IOCTL = re.compile(r"ioctl\(\d+</dev/xen/")
CALLS = "ioctl,connect,write,writev,sendto,sendmsg,pwrite64"
HYPERCALLS = ("domctl", "sysctl", "memory_op")
TOOLSTACK_LOCKS = ("domctl_lock", "sysctl_lock")  # which every command of a toolstack needs


def unix_sockets(lab):
    return set(re.findall(r"(\d+)(?: \S*)?$", lab.dom0.run("awk", "{print $7}", "/proc/net/unix").text, re.M))


def probes_so_far(lab):
    (_, count), = lab.scrape().family("xen_exporter_xenstore_probes_total")
    return count


def begins_message(call, sockets):
    """Whether a traced call sends the header of a xenstore message, or connects anew."""
    match = re.match(r"(\w+)\(\d+<([^>]*)>(.*)", call)
    if not match:
        return False
    name, where, rest = match.groups()
    inode = re.search(r"\[(\d+)", where)
    to_xenstore = where == "/dev/xen/xenbus" or bool(inode and inode.group(1) in sockets)
    if name == "connect":
        return "AF_UNIX" in rest
    # The length asked for: the result may be on another line, when threads take turns.
    return to_xenstore and name != "ioctl" and bool(re.search(rf", {HEADER}(, \w+)?(\) +=| <unfinished)", rest))


def trace(lab, settled, scrapes):
    """Starts the exporter under strace. What it called before and while `scrapes` ran, and
    (inodes of Unix sockets, probes meanwhile, seconds)."""
    lab.exporter.stop()
    # From its start under strace, whose filter in the kernel stops it at these calls only.
    lab.exporter.start(prefix=f"strace --seccomp-bpf -D -f -y -ttt -e trace={CALLS} -o /tmp/strace.log")
    try:
        settled()
        probes, sockets = probes_so_far(lab), unix_sockets(lab)
        steady = float(lab.dom0.run("date", "+%s.%N").text)
        began = time.monotonic()
        scrapes()
        took = time.monotonic() - began
        probes = probes_so_far(lab) - probes
        lines = lab.dom0.run("cat", "/tmp/strace.log").text.splitlines()
    finally:
        lab.exporter.stop()
        lab.exporter.start()
    calls = [(float(when), rest) for when, rest in
             (match.groups() for match in (re.match(r"\d+ +(\d+\.\d+) (.*)", line) for line in lines) if match)]
    return [c for w, c in calls if w < steady], [c for w, c in calls if w >= steady], (sockets, probes, took)


def check_scrapes(lab, count, settled, scrapes):
    """That `count` scrapes make no ioctl on /dev/xen/* and no word to xenstored; the figures as a sentence."""
    before, during, (sockets, probes, took) = trace(lab, settled, scrapes)
    assert any(IOCTL.match(call) for call in before), "strace saw no ioctl even at the start: it proves nothing"
    assert any(begins_message(call, sockets) and "connect" not in call for call in before), "strace saw no xenstore message even at the start"
    replies = sum("HTTP/1.1 200" in call for call in during)
    assert replies >= count, f"strace saw {replies} replies: it proves nothing"
    ioctls = [call for call in during if IOCTL.match(call)]
    assert not ioctls, f"{len(ioctls)} ioctls in {count} scrapes, the first: {ioctls[0]}"
    said = [call for call in during if begins_message(call, sockets)]
    # Every message must be a probe that the exporter counted itself, and probes must be rare.
    assert probes - 1 <= len(said) <= probes + 1, f"{len(said)} xenstore messages, {probes:.0f} probes"
    assert len(said) <= took / PROBE_PERIOD + 1, f"{len(said)} xenstore messages in {took:.0f} s"
    return f"{count} scrapes in {took:.0f} s: 0 ioctls on /dev/xen/*, {len(said)} xenstore messages, all liveness probes"


def hypercalls_so_far(lab):
    """How often each was made since boot, by xenperf."""
    text = lab.dom0.run("xenperf", "-p").text
    block = re.search(r"^hypercalls +T= *\d+ *\n((?:\S+ +\d+\n)+)", text, re.M)
    assert block, f"xenperf counts no hypercalls: {text[:300]}"
    return {name: int(count) for name, count in (line.split() for line in block.group(1).splitlines())}


def locks_so_far(lab):
    """How often each of Xen's global locks was taken since boot, by xenlockprof."""
    text = lab.dom0.run("xenlockprof").text
    counts = {name: int(count) for name, count in re.findall(r"^global lock (\w+) *: lock: *(\d+)", text, re.M)}
    assert set(TOOLSTACK_LOCKS) <= set(counts), f"xenlockprof counts no such locks: {text[:300]}"
    return counts


def grown(so_far, names, what):
    """By how much counts grow meanwhile, less what a reading of them adds itself."""
    first, second = so_far(), so_far()
    what()
    third = so_far()
    return {name: third.get(name, 0) - 2 * second.get(name, 0) + first.get(name, 0) for name in names}


def cost_of(lab, what):
    """The hypercalls made meanwhile."""
    return grown(lambda: hypercalls_so_far(lab), HYPERCALLS, what)


def locking_of(lab, what):
    """How often the toolstack's locks are taken meanwhile."""
    return grown(lambda: locks_so_far(lab), TOOLSTACK_LOCKS, what)


def scrape_in_dom0(lab, count):
    """Scrapes on one connection that does not leave Dom0, for bodies that the emulated network would be slow with."""
    url = f"http://127.0.0.1:9603/metrics#[1-{count}]"
    codes = lab.dom0.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}\\n", url, timeout=3000).text.split()
    assert codes == ["200"] * count, f"{len(codes)} replies: {sorted(set(codes))}"

