#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs commands in Dom0 for the lab. One connection is one command.

A connection opens with one line of JSON: the token, argv, and perhaps a timeout in seconds, a
directory, more environment, a terminal size. An empty argv only asks whether we are here. Then both
sides send frames: one byte of kind, four of length, the payload.

    to us      i  standard input (empty: end of it)       w  new terminal size, JSON
    from us    o  standard output      e  standard error  x  the end: JSON with the exit status

When the connection goes, so does the command, with its whole session's process group.
"""

import fcntl
import json
import os
import pty
import selectors
import signal
import socketserver
import struct
import subprocess
import termios
import time

PORT = 7000
TOKEN = open("/share/dom0/token").read().strip()
CHUNK = 65536


def frame(kind, payload=b""):
    return kind + struct.pack(">I", len(payload)) + payload


def set_size(fd, size):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[0], size[1], 0, 0))


class Frames:
    """Cuts what arrives into frames."""

    def __init__(self):
        self.pending = b""

    def feed(self, data):
        self.pending += data
        while len(self.pending) >= 5:
            kind, size = self.pending[:1], struct.unpack(">I", self.pending[1:5])[0]
            if len(self.pending) < 5 + size:
                return
            yield kind, self.pending[5:5 + size]
            self.pending = self.pending[5 + size:]


class Command(socketserver.BaseRequestHandler):
    def handle(self):
        line = b""
        while not line.endswith(b"\n"):
            byte = self.request.recv(1)
            if not byte or len(line) > CHUNK:
                return
            line += byte
        request = json.loads(line)
        if request.get("token") != TOKEN:
            return
        if not request["argv"]:
            self.request.sendall(frame(b"x", b'{"status": 0}'))
            return
        try:
            self.start(request)
        except OSError as why:
            self.request.sendall(frame(b"e", f"{request['argv'][0]}: {why.strerror}\n".encode()))
            self.request.sendall(frame(b"x", b'{"status": 127}'))
            return
        try:
            status = self.relay(request.get("timeout"))
            self.request.sendall(frame(b"x", json.dumps(status).encode()))
        finally:
            self.end()

    def start(self, request):
        self.terminal = -1
        self.backlog = b""  # input the command has not read yet
        self.input_ended = False
        options = {"cwd": request.get("cwd") or "/root", "env": {**os.environ, **request.get("env", {})}}
        if request.get("tty"):
            self.terminal, side = pty.openpty()
            set_size(self.terminal, request["tty"])
            script = ["setsid", "--ctty", "--wait", *request["argv"]]
            self.process = subprocess.Popen(script, stdin=side, stdout=side, stderr=side, **options)
            os.close(side)
            self.input = os.dup(self.terminal)
            self.outputs = {self.terminal: b"o"}
        else:
            self.process = subprocess.Popen(request["argv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.PIPE, start_new_session=True, **options)
            self.input = os.dup(self.process.stdin.fileno())
            self.process.stdin.close()
            self.outputs = {self.process.stdout.fileno(): b"o", self.process.stderr.fileno(): b"e"}

    def relay(self, timeout):
        """Passes bytes both ways until the command ends, its time is up or the caller goes."""
        ready = selectors.DefaultSelector()
        ready.register(self.request, selectors.EVENT_READ)
        os.set_blocking(self.input, False)
        for fd in self.outputs:
            os.set_blocking(fd, False)
            ready.register(fd, selectors.EVENT_READ)
        frames = Frames()
        deadline = time.monotonic() + timeout if timeout else float("inf")
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                self.kill()
                self.drain()
                return {"timeout": timeout}
            self.write()
            # Short, because nothing wakes us when a silent process ends or reads again.
            for key, _ in ready.select(0.01):
                if key.fileobj is self.request:
                    data = self.request.recv(CHUNK)
                    if not data:
                        self.kill()
                        return {"status": -signal.SIGKILL}
                    for kind, payload in frames.feed(data):
                        self.obey(kind, payload)
                elif not self.forward(key.fd):
                    ready.unregister(key.fd)
        # A daemon it left behind may hold the pipes open: take what is there, wait for no end.
        self.drain()
        return {"status": self.process.returncode}

    def obey(self, kind, payload):
        if kind == b"w" and self.terminal >= 0:
            set_size(self.terminal, json.loads(payload))
        elif kind == b"i":
            self.backlog += payload
            self.input_ended |= not payload

    def write(self):
        """Gives the command what input it takes; never waits, or two full pipes would wait for ever."""
        try:
            while self.backlog and self.input >= 0:
                self.backlog = self.backlog[os.write(self.input, self.backlog[:CHUNK]):]
        except BlockingIOError:
            return
        except OSError:
            self.backlog, self.input_ended = b"", True  # it does not read any more
        if self.input_ended and self.input >= 0 and self.terminal < 0:
            os.close(self.input)
            self.input = -1

    def forward(self, fd):
        """Sends on what there is; False at the end of the stream."""
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False  # a terminal whose other side is closed
        if data:
            self.request.sendall(frame(self.outputs[fd], data))
        return bool(data)

    def drain(self):
        for fd in self.outputs:
            for _ in range(1024):
                waiting = selectors.DefaultSelector()
                waiting.register(fd, selectors.EVENT_READ)
                if not waiting.select(0) or not self.forward(fd):
                    break

    def kill(self):
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                self.process.kill()
            self.process.wait()

    def end(self):
        self.kill()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        for fd in (self.input, self.terminal):
            if fd >= 0:
                os.close(fd)


class Agent(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    Agent(("0.0.0.0", PORT), Command).serve_forever()
