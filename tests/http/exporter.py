# SPDX-License-Identifier: Apache-2.0
"""The exporter as a process of its own, for tests that talk to it over sockets."""
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

# How long anything may take before it counts as hanging.
PATIENCE = 30


class Exporter:
    """Serves a simulated host at 127.0.0.1:port, and at [::1] of the same port where there is IPv6."""

    def __init__(self, binary, *options, domains=8):
        self.log = tempfile.TemporaryFile("a+b")  # both write and read, each in its place
        for _ in range(20):
            self.port = self.free_port()
            self.log.seek(0)
            self.process = subprocess.Popen(
                [binary, "--source=simulated", f"--simulated.domains={domains}",
                 f"--web.listen-address=127.0.0.1:{self.port}", *options],
                stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
            if self.becomes_ready():
                return
            self.process.kill()
            self.process.wait()
        raise SystemExit(f"the exporter does not start:\n{self.output()}\n0 passed, 1 failed")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()

    @staticmethod
    def free_port():
        """Free at this moment: another program may be first, then another one is tried."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def becomes_ready(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if self.exchange(b"GET /-/ready HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200"):
                    return self.process.poll() is None
            except OSError:
                pass
            time.sleep(0.05)
        return False

    def connect(self, source="127.0.0.1", receive_buffer=None):
        client = socket.socket()
        client.settimeout(PATIENCE)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.bind((source, 0))
        client.connect(("127.0.0.1", self.port))
        return client

    def exchange(self, request, source="127.0.0.1"):
        """Everything that comes back until the connection ends."""
        with self.connect(source) as client:
            client.sendall(request)
            return receive_all(client)

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.split("\n") if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def output(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def stop(self):
        """Ends it; returns its exit code and the seconds it took."""
        start = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        return code, time.monotonic() - start


def receive_all(client):
    data = b""
    try:
        while piece := client.recv(1 << 16):
            data += piece
    except ConnectionResetError:
        pass
    return data
