# SPDX-License-Identifier: Apache-2.0
"""Just enough of the exposition format to compare numbers. The real parsers have a test of their own."""

import http.client
import re

LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \S+)?$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
RUNSTATES = ("running", "runnable", "blocked", "offline")


class Metrics:
    def __init__(self, text):
        self.text = text
        self.samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, labels, value = LINE.match(line).groups()
                self.samples[name, frozenset(LABEL.findall(labels or ""))] = float(value)

    def family(self, name):
        """[(labels as a dict, value)]"""
        return [(dict(labels), value) for (sample, labels), value in self.samples.items() if sample == name]

    def domains(self):
        """{uuid: labels of its xen_domain_info}"""
        return {labels["uuid"]: labels for labels, _ in self.family("xen_domain_info")}

    def runstates(self):
        """{(domid, vCPU): {state: seconds}}"""
        domids = {uuid: int(labels["domid"]) for uuid, labels in self.domains().items()}
        found = {}
        for labels, value in self.family("xen_vcpu_runstate_seconds_total"):
            key = domids[labels["uuid"]], int(labels["vcpu"])
            found.setdefault(key, {})[labels["state"]] = value
        return found


class Scraper:
    """A kept connection to /metrics."""

    def __init__(self, port, timeout=10):
        self.peer = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def get(self, accept=OPENMETRICS):
        self.peer.request("GET", "/metrics", headers={"Accept": accept})
        reply = self.peer.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise OSError(f"/metrics answered {reply.status}: {body[:200]!r}")
        return body

    def close(self):
        self.peer.close()


def scrape(port, accept=OPENMETRICS, timeout=10):
    scraper = Scraper(port, timeout)
    try:
        return Metrics(scraper.get(accept).decode())
    finally:
        scraper.close()
