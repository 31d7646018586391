# SPDX-License-Identifier: Apache-2.0
"""Debian's Prometheus on this side of the network, scraping the exporter in Dom0."""

import json
import urllib.parse
import urllib.request

from xenlab.guests import wait_for


class Prometheus:
    """Runs while the `with` lasts; then there is nothing left of it but its log."""

    def __init__(self, lab, interval):
        self.lab, self.interval = lab, interval

    def __enter__(self):
        binary = self.lab.unpacked("prometheus") / "usr" / "bin" / "prometheus"
        home = self.lab.scratch("prometheus")
        self.port = self.lab.free_port()
        every = f"{int(self.interval * 1000)}ms"
        (home / "prometheus.yml").write_text(
            f"global: {{scrape_interval: {every}, scrape_timeout: {every}}}\n"
            "scrape_configs:\n"
            f"  - {{job_name: lab, static_configs: [{{targets: ['127.0.0.1:{self.lab.machine.exporter_port}']}}]}}\n")
        self.process = self.lab.spawn(
            [binary, f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"], home / "log")
        try:
            wait_for("up == 1", self.is_up)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.process.kill()
        self.process.wait()

    def query(self, expression):
        """[(labels, value)]"""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=10) as reply:
            return [(row["metric"], float(row["value"][1])) for row in json.load(reply)["data"]["result"]]

    def is_up(self):
        try:
            return [value for _, value in self.query("up")] == [1.0]
        except OSError:
            return False
