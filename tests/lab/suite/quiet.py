# SPDX-License-Identifier: Apache-2.0
"""A scrape costs no hypercall and no word to xenstored."""

import re
import time

from xenlab.metrics import Scraper, scrape

DEADLINE = 600  # half a minute on a machine that has nothing else to do
SCRAPES = 1000
PROBE_PERIOD = 3.0  # seconds between two liveness probes of xenstored, at the least
HEADER = 16  # bytes that open each xenstore message
SETTLED = 6  # seconds after the start, when every domain is mapped and named
IOCTL = re.compile(r"ioctl\(\d+</dev/xen/")
CALLS = "ioctl,connect,write,writev,sendto,sendmsg,pwrite64"


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


def test_scrapes_cause_no_hypercall_and_no_xenstore_message(lab):
    # Catches: a mapping, a domain list or a name read anew for a scrape, on any thread.
    # From its start under strace, whose filter in the kernel stops it at these calls only.
    lab.exporter.stop()
    lab.exporter.start(prefix=f"strace --seccomp-bpf -D -f -y -ttt -e trace={CALLS} -o /tmp/strace.log")
    try:
        time.sleep(SETTLED)
        probes = probes_so_far(lab)
        sockets = unix_sockets(lab)
        steady = float(lab.dom0.run("date", "+%s.%N").text)
        began = time.monotonic()
        kept = Scraper(lab.machine.exporter_port, timeout=60)
        for _ in range(SCRAPES // 2):
            kept.get()
            scrape(lab.machine.exporter_port, timeout=60)  # and as many on a connection of their own
        kept.close()
        took = time.monotonic() - began
        probes = probes_so_far(lab) - probes
        lines = lab.dom0.run("cat", "/tmp/strace.log").text.splitlines()
    finally:
        lab.exporter.stop()
        lab.exporter.start()
    calls = [(float(when), rest) for when, rest in
             (match.groups() for match in (re.match(r"\d+ +(\d+\.\d+) (.*)", line) for line in lines) if match)]
    before, during = [c for w, c in calls if w < steady], [(w, c) for w, c in calls if w >= steady]
    assert any(IOCTL.match(call) for call in before), "strace saw no ioctl even at the start: it proves nothing"
    assert any(begins_message(call, sockets) and "connect" not in call for call in before), "strace saw no xenstore message even at the start"
    replies = sum("HTTP/1.1 200" in call for _, call in during)
    assert replies >= SCRAPES, f"strace saw {replies} replies: it proves nothing"
    ioctls = [call for _, call in during if IOCTL.match(call)]
    assert not ioctls, f"{len(ioctls)} ioctls in {SCRAPES} scrapes, the first: {ioctls[0]}"
    said = [call for _, call in during if begins_message(call, sockets)]
    # Every message must be a probe that the exporter counted itself, and probes must be rare.
    assert probes - 1 <= len(said) <= probes + 1, f"{len(said)} xenstore messages, {probes:.0f} probes"
    assert len(said) <= took / PROBE_PERIOD + 1, f"{len(said)} xenstore messages in {took:.0f} s"
    return f"{SCRAPES} scrapes in {took:.0f} s: 0 ioctls on /dev/xen/*, {len(said)} xenstore messages, all liveness probes"
