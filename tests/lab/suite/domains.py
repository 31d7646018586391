# SPDX-License-Identifier: Apache-2.0
"""Every domain is there under its name and UUID, soon after it came and not long after it went."""

import time

from xenlab.guests import wait_for
from xenlab.metrics import RUNSTATES

PROMPT = 1.0  # seconds after xl's return
TYPES = {"pv-busy": "pv", "pv-idle": "pv", "pvh-busy": "pvh", "pvh-idle": "pvh", "spinner": "pv", "Domain-0": "pv"}


def test_names_and_uuids(lab):
    # Catches: a swapped UUID, a name from another domain, a guest type or a vCPU left out, Dom0 missing.
    metrics = lab.scrape()
    seen = {labels["domain"]: labels for labels in metrics.domains().values()}
    known = lab.guests.listed()
    assert set(seen) == set(known) == set(TYPES), f"exported {sorted(seen)}, xl knows {sorted(known)}"
    for name, (domid, uuid, _) in known.items():
        uuid = uuid or "00000000-0000-0000-0000-000000000000"
        labels = seen[name]
        assert labels["uuid"] == uuid, f"{name}: {labels['uuid']}, xl says {uuid}"
        assert labels["domid"] == str(domid), f"{name}: domid {labels['domid']}, xl says {domid}"
        assert labels["guest_type"] == TYPES[name], f"{name}: {labels['guest_type']}"


def test_every_vcpu_has_four_states(lab):
    # Catches: a vCPU beyond the first left out, a state left out, a vCPU that does not exist.
    expected = {(lab.guests.domid(name), vcpu)
                for name, count in (("Domain-0", 2), ("pv-busy", 1), ("pv-idle", 2), ("pvh-busy", 2),
                                    ("pvh-idle", 1), ("spinner", 1))
                for vcpu in range(count)}
    runstates = lab.scrape().runstates()
    assert set(runstates) == expected, f"exported {sorted(runstates)}, there are {sorted(expected)}"
    for key, states in runstates.items():
        assert set(states) == set(RUNSTATES), f"{key}: {sorted(states)}"


def test_busy_and_idle_differ(lab):
    # Catches: states mixed up: an idle guest shown running, a busy one shown blocked.
    runstates = lab.scrape().runstates()
    idle, busy, spinner = (runstates[lab.guests.domid(n), 0] for n in ("pv-idle", "pv-busy", "spinner"))
    time.sleep(5)
    runstates = lab.scrape().runstates()
    grown = [{state: after[state] - before[state] for state in RUNSTATES} for before, after in
             ((b, runstates[lab.guests.domid(n), 0]) for b, n in ((idle, "pv-idle"), (busy, "pv-busy"), (spinner, "spinner")))]
    total = sum(grown[0].values())
    assert grown[0]["blocked"] > 0.95 * total, f"pv-idle: {grown[0]}"
    assert grown[1]["blocked"] == 0 and grown[1]["runnable"] > 0.1 * total, f"pv-busy, one of three on its pCPU: {grown[1]}"
    assert grown[2]["running"] > 0.95 * total, f"spinner: {grown[2]}"


def come_and_go(lab, kind):
    late = []
    for number in range(3):
        name = f"visitor-{kind}-{number}"
        uuid = lab.guests.create(name, kind, vcpus=2)
        returned = time.monotonic()
        wait_for(f"{name} in /metrics", lambda: uuid in lab.scrape().domains(), pause=0.02)
        came = time.monotonic() - returned
        assert lab.scrape().domains()[uuid]["domain"] == name
        lab.guests.destroy(name)
        returned = time.monotonic()
        wait_for(f"{name} out of /metrics", lambda: uuid not in lab.scrape().text, pause=0.02)
        late += [came, time.monotonic() - returned]
    assert max(late) < PROMPT, f"seconds after xl's return: {[round(x, 2) for x in late]}"
    return f"at most {max(late):.2f} s after xl's return"


def test_pv_guest_comes_and_goes_within_a_second(lab):
    # Catches: events missed, a scan too rare, series of the dead that linger.
    return come_and_go(lab, "pv")


def test_pvh_guest_comes_and_goes_within_a_second(lab):
    # Catches: the same for the other kind of guest, whose life ends along other paths in Xen.
    return come_and_go(lab, "pvh")


def test_reboot_keeps_the_uuid_and_changes_the_domid(lab):
    # Catches: counters of the old incarnation shown under the new one, or the new one never mapped.
    uuid = lab.guests.create("rebooter", "pv", "busy")
    try:
        wait_for("the guest", lambda: uuid in lab.scrape().domains())
        before = lab.scrape().domains()[uuid]["domid"]
        lab.guests.destroy("rebooter")
        lab.dom0.run("xl", "create", "/share/guests/rebooter.cfg")
        wait_for("its second life", lambda: lab.scrape().domains().get(uuid, {}).get("domid", before) != before)
        domid = lab.guests.domid("rebooter")
        assert lab.scrape().domains()[uuid]["domid"] == str(domid)
        running = lab.scrape().runstates()[domid, 0]["running"]
        assert running < 60, f"{running} s on a CPU in a life of a moment"
    finally:
        lab.guests.destroy("rebooter")
