# SPDX-License-Identifier: Apache-2.0
"""Watching a domain never keeps it alive."""

from xenlab.guests import wait_for


def gone(lab, *domids):
    """Not even a nameless rest of them in Xen's list."""
    left = {int(line.split()[-5]) for line in lab.dom0.run("xl", "list").text.splitlines()[1:]}
    return not left & set(domids)


def live_and_die(lab, kind, stopped):
    name = f"mortal-{kind}"
    uuid = lab.guests.create(name, kind, "busy", vcpus=2)
    domid = lab.guests.domid(name)
    wait_for(f"{name} in /metrics", lambda: uuid in lab.scrape().domains())
    if stopped:
        lab.exporter.signal("STOP")
    try:
        lab.guests.destroy(name)
        wait_for(f"the end of domain {domid}", lambda: gone(lab, domid), patience=5)
    finally:
        if stopped:
            lab.exporter.signal("CONT")
    wait_for(f"{name} out of /metrics", lambda: uuid not in lab.scrape().text, patience=10)


def test_no_zombie_while_running(lab):
    # Catches: a page owned by the domain, or a reference kept: its memory and domid would stay taken.
    for kind in ("pv", "pvh"):
        live_and_die(lab, kind, stopped=False)


def test_no_zombie_while_stopped(lab):
    # Catches: an end that waits for us to unmap, which a stopped process never does.
    for kind in ("pv", "pvh"):
        live_and_die(lab, kind, stopped=True)


def test_no_zombie_under_another_mapping(lab):
    # Catches: the exporter being quick rather than Xen being right: this holder never lets go.
    lab.guests.create("held", "pvh")
    domid = lab.guests.domid("held")
    holder = int(lab.dom0.sh(f"setsid /share/tools/table hold {domid} </dev/null >/tmp/held 2>&1 & echo $!").text)
    try:
        wait_for("the mapping", lambda: b"held" in lab.dom0.run("cat", "/tmp/held").stdout)
        lab.guests.destroy("held")
        wait_for(f"the end of domain {domid}", lambda: gone(lab, domid), patience=5)
    finally:
        lab.dom0.run("kill", "-KILL", holder, check=False)


def test_fifty_shells_come_and_go(lab):
    # Catches: domains without a xenstore entry missed, and pages of the dead not given back.
    domids = lab.guests.tool("shells", "create", 50, 3).text.split()

    def shown():
        metrics = lab.scrape()
        assert not [labels for labels in metrics.domains().values() if labels["domid"] in domids and labels["domain"]]
        return [vcpu for domid, vcpu in metrics.runstates() if str(domid) in domids]

    try:
        wait_for("fifty domains of three vCPUs", lambda: len(shown()) == 150)
    finally:
        lab.guests.tool("shells", "destroy", *domids)
    wait_for("their end", lambda: not shown())
    wait_for("their end in Xen", lambda: gone(lab, *map(int, domids)), patience=5)
