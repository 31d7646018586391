# SPDX-License-Identifier: Apache-2.0
"""A running daemon, with a service manager that listens to it."""

import contextlib
import ctypes
import http.client
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE = 60  # seconds; nothing here is about speed

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000  # waitpid: also threads


def wait_for(condition, what, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience} s: {what}")
        time.sleep(0.02)


class Daemon:
    """Starts the program; `with` ends it. Without an address it serves a port of the kernel's choice."""

    def __init__(self, program, *arguments, config=None, watchdog_s=0, sockets=(), env=None):
        self.directory = Path(tempfile.mkdtemp(prefix="xen-stats-exporter-test-"))
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.manager.bind(str(self.directory / "notify"))
        self.manager.setblocking(False)
        self.messages = []
        self.log_path = self.directory / "log"
        self.config = self.directory / "config.yml"
        self.port = None
        words = [str(program), *(str(a) for a in arguments)]
        if config is not None:
            self.config.write_text(config)
            words.append(f"--config.file={self.config}")
        environment = {**os.environ, "NOTIFY_SOCKET": str(self.directory / "notify"), **(env or {})}
        environment.pop("JOURNAL_STREAM", None)
        if watchdog_s:
            environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))
        # LISTEN_PID must name the process itself: a shell that knows its own id becomes it.
        script = 'export LISTEN_FDS=%d LISTEN_PID=$$; exec "$@"' % len(sockets) if sockets else 'exec "$@"'
        for number, one in enumerate(sockets):
            os.dup2(one.fileno(), 3 + number)
        passed = tuple(3 + number for number in range(len(sockets)))
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["/bin/sh", "-c", script, "sh", *words], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=log, env=environment,
                                            pass_fds=passed)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.manager.close()
        if not why[0]:
            shutil.rmtree(self.directory)
        else:
            print(f"     log, kept in {self.directory}:\n{self.log[-2000:]}")

    # What it says

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def hear(self):
        """Takes the messages that have come, and returns all so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                text = self.manager.recv(65536).decode()
                self.messages.append(dict(line.split("=", 1) for line in text.splitlines()))
        return self.messages

    def await_message(self, what, since=0, **wanted):
        """The first message from number `since` on with these assignments; values are patterns."""
        def found():
            self.hear()
            for message in self.messages[since:]:
                if all(re.fullmatch(pattern, message.get(name, "")) for name, pattern in wanted.items()):
                    return message
            assert self.process.poll() is None, f"it ended with {self.process.returncode}"
            return None
        return wait_for(found, what)

    def await_ready(self):
        self.await_message("READY", READY="1")
        served = re.search(r"serving http://(?:127\.0\.0\.1|:|\[::1\]):(\d+)", self.log)
        if served:
            self.port = int(served[1])
        return self

    def await_log(self, pattern, since=0):
        return wait_for(lambda: re.search(pattern, self.log[since:]), f"{pattern!r} in the log")

    # What it serves

    def get(self, path="/metrics", port=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def value(self, name):
        """The value of a metric that has no labels."""
        status, text = self.get()
        assert status == 200, status
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
        assert found, f"there is no {name}"
        return float(found[1])

    # What happens to it

    def send(self, number):
        os.kill(self.process.pid, number)

    def end(self):
        """SIGTERM; for the exit code and how long it took."""
        began = time.monotonic()
        self.send(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        took = time.monotonic() - began
        self.hear()
        return status, took

    def threads(self):
        """The ids of all threads but the first."""
        tasks = {int(name) for name in os.listdir(f"/proc/{self.process.pid}/task")}
        return sorted(tasks - {self.process.pid})

    @contextlib.contextmanager
    def stopped_thread(self, tid):
        """One thread stands still, as if in a trap; SIGSTOP would stop all of them."""
        for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
            if libc.ptrace(request, tid, None, None) < 0:
                raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {tid}")
        os.waitpid(tid, WALL)
        try:
            yield
        finally:
            libc.ptrace(PTRACE_DETACH, tid, None, None)


def run(program, *arguments, **options):
    """Runs it to its end."""
    return subprocess.run([str(program), *arguments], capture_output=True, text=True, timeout=PATIENCE,
                          **options)


def listening():
    """A socket as a socket unit passes it, and its port."""
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    one.listen(16)
    return one, one.getsockname()[1]


def readable(one, seconds):
    return bool(select.select([one], [], [], seconds)[0])
