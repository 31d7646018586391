# SPDX-License-Identifier: Apache-2.0
"""A scrape costs no hypercall and no word to xenstored."""

import re
import signal
import time

from xenlab.guests import wait_for
from xenlab.metrics import Scraper, scrape

DEADLINE = 300
SCRAPES = 1000
PROBE_PERIOD = 5.0  # seconds between two liveness probes of xenstored, at the least
HEADER = 16  # bytes that open each xenstore message
CALLS = "ioctl,connect,write,writev,sendto,sendmsg,pwrite64"


def unix_sockets(lab):
    return set(re.findall(r"(\d+)(?: \S*)?$", lab.dom0.run("awk", "{print $7}", "/proc/net/unix").text, re.M))


def messages(trace, sockets):
    """Times at which a xenstore message began."""
    found = []
    for line in trace.splitlines():
        call = re.match(r"(?:\[pid +)?\d*\]? *(\d+\.\d+) (\w+)\(\d+<([^>]*)>(.*)", line)
        if not call:
            continue
        when, name, where, rest = call.groups()
        inode = re.search(r"\[(\d+)", where)
        to_xenstore = where == "/dev/xen/xenbus" or (inode and inode.group(1) in sockets)
        if name in ("write", "writev", "sendto", "sendmsg") and to_xenstore and re.search(rf"= {HEADER}$", rest):
            found.append(float(when))
        elif name == "connect" and "AF_UNIX" in rest:
            found.append(float(when))
    return found


def test_scrapes_cause_no_hypercall_and_no_xenstore_message(lab):
    # Catches: a mapping, a domain list or a name read anew for a scrape, on any thread.
    assert lab.exporter.alive()
    sockets = unix_sockets(lab)
    lab.dom0.run("rm", "-f", "/tmp/strace.log")
    tracer = int(lab.dom0.sh(f"setsid strace -f -y -ttt -e trace={CALLS} -o /tmp/strace.log -p {lab.exporter.pid} "
                             "</dev/null >/tmp/strace.err 2>&1 & echo $!").text)
    try:
        wait_for("strace", lambda: b"attached" in lab.dom0.run("cat", "/tmp/strace.err").stdout)
        began = time.monotonic()
        kept = Scraper(lab.machine.exporter_port, timeout=60)
        for number in range(SCRAPES // 2):
            kept.get()
            scrape(lab.machine.exporter_port, timeout=60)  # and as many on a connection of their own
        kept.close()
        took = time.monotonic() - began
    finally:
        lab.dom0.run("kill", f"-{signal.SIGINT}", tracer, check=False)
        wait_for("strace to end", lambda: lab.dom0.run("test", "-d", f"/proc/{tracer}", check=False).status)
    trace = lab.dom0.run("cat", "/tmp/strace.log").text
    replies = len(re.findall(r"(?:sendmsg|sendto|write|writev)\(\d+<(?:socket|TCP)[^>]*>.*HTTP/1\.1 200", trace))
    assert replies >= SCRAPES, f"strace saw {replies} replies: it proves nothing"
    ioctls = [line for line in trace.splitlines() if "ioctl(" in line and "/dev/xen/" in line]
    assert not ioctls, f"{len(ioctls)} ioctls in {SCRAPES} scrapes, the first: {ioctls[0]}"
    said = messages(trace, sockets)
    allowed = took / PROBE_PERIOD + 1
    assert len(said) <= allowed, f"{len(said)} xenstore messages in {took:.0f} s, a probe each {PROBE_PERIOD:g} s makes {allowed:.0f}"
    return f"{SCRAPES} scrapes in {took:.0f} s: 0 ioctls on /dev/xen/*, {len(said)} xenstore messages (liveness probes)"
