# SPDX-License-Identifier: Apache-2.0
"""xenstored may fall silent or die: scrapes go on, domains come and go, and names come back.

Both daemons lose their state when they are killed (only a live update would keep it), so names of domains
that live on have to be written again, here by hand. What the exporter knew it keeps showing meanwhile.
"""

import contextlib
import time

from xenlab.guests import wait_for

# Of its own: what becomes of xenstored would spoil the host of other tests.
HOST = dict(guests=False)
LONG_HOSTS = (dict(guests=False, xenstored="ocaml"),)
DEADLINE = 240

NOTICED = 5.0  # seconds; a machine as slow as this one may add SLACK
SLACK = 3.0
PIDFILE = "/run/xenstored.pid"


def pid_of_xenstored(lab):
    return int(lab.dom0.run("cat", PIDFILE).text)


def value(metrics, name):
    (_, number), = metrics.family(name)
    return number


def is_connected(lab):
    return value(lab.scrape(), "xen_exporter_xenstore_connected") == 1


def names(lab):
    return {labels["domid"]: labels["domain"] for labels in lab.scrape().domains().values()}


@contextlib.contextmanager
def shells(lab, count):
    """Domains that xenstored is not told of."""
    domids = lab.guests.tool("shells", "create", count, 1).text.split()
    try:
        yield domids
    finally:
        lab.guests.tool("shells", "destroy", *domids)


def check_life_without_xenstored(lab, known):
    """While xenstored is away."""
    began = time.monotonic()
    wait_for("the end of the connection to show", lambda: not is_connected(lab), patience=20, pause=0.05)
    noticed = time.monotonic() - began
    assert noticed <= NOTICED + SLACK, f"noticed after {noticed:.1f} s"
    with shells(lab, 5) as domids:
        wait_for("shells in /metrics", lambda: set(domids) <= set(names(lab)))
        shown = names(lab)
        assert not any(shown[domid] for domid in domids), f"names of shells: {shown}"
        # What was known is still shown, and numbers still grow.
        assert shown.get(known) == "known", shown
        first, second = lab.scrape().runstates(), None
        time.sleep(1)
        second = lab.scrape().runstates()
        grown = sum(second[int(known), 0].values()) - sum(first[int(known), 0].values())
        assert grown > 0.5, f"the clock of domain {known} grew by {grown} s"
    wait_for("the end of the shells", lambda: not set(domids) & set(names(lab)))
    assert not is_connected(lab)
    return noticed


def test_silence(lab):
    # Catches: a scrape, a scan or the bitmap that waits for xenstored; names lost with the connection.
    lab.guests.create("known")
    known = str(lab.guests.domid("known"))
    wait_for("its name", lambda: names(lab).get(known) == "known")
    pid = pid_of_xenstored(lab)
    lab.dom0.run("kill", "-STOP", pid)
    try:
        noticed = check_life_without_xenstored(lab, known)
    finally:
        lab.dom0.run("kill", "-CONT", pid)
    try:
        wait_for("the connection", lambda: is_connected(lab))
        lab.dom0.run("xl", "rename", "known", "renamed")
        wait_for("the new name", lambda: names(lab).get(known) == "renamed")
    finally:
        lab.dom0.run("xl", "destroy", known)
    return f"noticed {noticed:.1f} s after SIGSTOP"


def test_stopping_while_xenstored_is_silent(lab):
    # Catches: an end that waits for a call to xenstored to return.
    pid = pid_of_xenstored(lab)
    lab.dom0.run("kill", "-STOP", pid)
    try:
        wait_for("the end of the connection to show", lambda: not is_connected(lab), patience=20)
        began = time.monotonic()
        lab.exporter.stop()
        took = time.monotonic() - began
    finally:
        lab.dom0.run("kill", "-CONT", pid)
        if not lab.exporter.alive():
            lab.exporter.start()
    assert took < 1 + SLACK, f"took {took:.1f} s"
    return f"ended {took:.2f} s after SIGTERM"


def test_death(lab):
    # Catches: a daemon that dies with xenstored, never tries again, or does not look at everything anew.
    lab.guests.create("known")
    known = str(lab.guests.domid("known"))
    wait_for("its name", lambda: names(lab).get(known) == "known")
    reconnects = value(lab.scrape(), "xen_exporter_xenstore_reconnects_total")
    lab.dom0.run("kill", "-KILL", pid_of_xenstored(lab))
    noticed = check_life_without_xenstored(lab, known)
    with shells(lab, 1) as (shell,):
        wait_for("the shell", lambda: shell in names(lab))
        daemon = "oxenstored" if lab.host.xenstored == "ocaml" else "xenstored"
        lab.dom0.sh("PATH=$PATH:/usr/lib/xen-4.17/bin; kill $(cat /run/xenconsoled.pid); "
                    f"rm -f {PIDFILE}; {daemon} --pid-file {PIDFILE} && xen-init-dom0 && xenconsoled --pid-file=/run/xenconsoled.pid")
        wait_for("the connection", lambda: is_connected(lab), patience=20)
        assert value(lab.scrape(), "xen_exporter_xenstore_reconnects_total") > reconnects
        # It knows nobody; what it is told about those who live on, and who is new, is shown.
        assert names(lab)[known] == "known"
        for domid, name in ((shell, "a shell"), (known, "known again"), ("0", "Domain-0")):
            lab.dom0.run("xenstore-write", f"/local/domain/{domid}/name", name)
            wait_for(f"the name {name!r}", lambda: names(lab).get(domid) == name)
    lab.guests.create("afterwards")
    wait_for("a guest created afterwards", lambda: "afterwards" in names(lab).values())
    lab.guests.destroy("afterwards")
    lab.dom0.run("xl", "destroy", known)
    wait_for("the end of both", lambda: set(names(lab)) == {"0"})
    return f"noticed {noticed:.1f} s after SIGKILL"
