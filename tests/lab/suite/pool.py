# SPDX-License-Identifier: Apache-2.0
"""When the memory for statistics is used up, what is mapped stays so and more is refused, until some is free."""

import errno
import os

from xenlab.guests import wait_for
from xenlab.tables import Look

HOST = dict(boot="stats-tables=max=64", guests=False, exporter=False)
LONG = True


def test_a_full_pool_refuses_and_recovers(lab):
    # Catches: a bound that is not one, a half-made table that is lost, an exporter that takes it amiss.
    lab.exporter.start()
    domids = list(map(int, lab.guests.tool("shells", "create", 100, 2).text.split()))
    try:
        look = Look(lab.guests, "host", *domids)
        host = Look(lab.guests, "host").host.host[0]
        full = [domid for domid in domids if look[domid].error]
        assert host.max_domain_pages == 64
        assert 30 <= len(full) < 100, f"{len(full)} of 100 refused"
        assert {look[domid].error for domid in full} == {os.strerror(errno.ENOSPC)}
        # The host's table has been there before the domains', and is not theirs.
        frames = len(look.host.frames)
        assert host.pages <= 64 + frames, f"{host.pages} pages, {frames} of them the host's"
        metrics = lab.scrape()
        assert metrics.domains(), "the exporter shows nothing any more"
    finally:
        lab.guests.tool("shells", "destroy", *domids)
    wait_for("room again", lambda: Look(lab.guests, "host").host.host[0].pages_retired == 0)
    more = lab.guests.tool("shells", "create", 5, 2).text.split()
    look = Look(lab.guests, "host", *more)
    assert not any(look[int(domid)].error for domid in more), "still refused although there is room"
    lab.guests.tool("shells", "destroy", *more)
    return f"{len(full)} of 100 refused with ENOSPC, {host.pages} pages of at most {host.max_domain_pages} and {frames} of the host"
