# SPDX-License-Identifier: Apache-2.0
"""Commands in Dom0, through the agent there (dom0/agent.py explains the frames)."""

import json
import os
import shlex
import shutil
import signal
import socket
import struct
import sys
import termios
import threading
import tty

from xenlab.progress import LabError

CHUNK = 65536


class Result:
    def __init__(self, argv, status, stdout, stderr):
        self.argv, self.status, self.stdout, self.stderr = argv, status, stdout, stderr

    @property
    def text(self):
        return self.stdout.decode(errors="replace")

    def __str__(self):
        return (f"`{shlex.join(self.argv)}` ended with {self.status}\n"
                f"{self.text}{self.stderr.decode(errors='replace')}").rstrip()


class Channel:
    def __init__(self, port, token):
        self.port, self.token = port, token

    def connect(self, request, timeout):
        peer = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(json.dumps({"token": self.token, **request}).encode() + b"\n")
        return peer

    def answers(self):
        """Whether the agent is there. QEMU accepts connections long before."""
        try:
            with self.connect({"argv": []}, 2) as peer:
                return bool(peer.recv(1))
        except OSError:
            return False

    def run(self, *argv, input=b"", timeout=60, check=True, env=None):
        """Runs a command and returns its Result. A failure is a LabError unless check is False."""
        argv = [str(a) for a in argv]
        output = {b"o": [], b"e": []}
        end = None
        with self.connect({"argv": argv, "timeout": timeout, "env": env or {}}, timeout + 15) as peer:
            feed = threading.Thread(target=self.feed, args=(peer, input), daemon=True)
            feed.start()
            try:
                for kind, payload in frames(peer):
                    if kind == b"x":
                        end = json.loads(payload)
                        break
                    output[kind].append(payload)
            except TimeoutError:
                pass
        if end is None:
            raise LabError(f"Dom0 stopped answering during `{shlex.join(argv)}`")
        result = Result(argv, end.get("status", -1), b"".join(output[b"o"]), b"".join(output[b"e"]))
        if "timeout" in end:
            raise LabError(f"`{shlex.join(argv)}` took longer than {timeout} s in Dom0\n{result}")
        if check and result.status:
            raise LabError(str(result))
        return result

    def sh(self, script, **options):
        return self.run("sh", "-c", script, **options)

    @staticmethod
    def feed(peer, data):
        try:
            for at in range(0, len(data), CHUNK):
                peer.sendall(frame(b"i", data[at:at + CHUNK]))
            peer.sendall(frame(b"i"))
        except OSError:
            pass  # the command ended without reading it all

    def attach(self, argv):
        """Runs a command on our own standard streams, as a terminal if they are one. Its exit status."""
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        size = shutil.get_terminal_size()
        request = {"argv": argv}
        if terminal:
            request |= {"tty": [size.lines, size.columns], "env": {"TERM": os.environ.get("TERM", "linux")}}
        with self.connect(request, 10) as peer:
            peer.settimeout(None)
            before = termios.tcgetattr(0) if terminal else None
            try:
                if terminal:
                    tty.setraw(0)
                    signal.signal(signal.SIGWINCH, lambda *_: self.resize(peer))
                return self.relay(peer)
            finally:
                if terminal:
                    termios.tcsetattr(0, termios.TCSADRAIN, before)

    @staticmethod
    def resize(peer):
        size = shutil.get_terminal_size()
        peer.sendall(frame(b"w", json.dumps([size.lines, size.columns]).encode()))

    @staticmethod
    def relay(peer):
        # Input has a thread of its own: whoever sends both ways and waits, waits for ever.
        threading.Thread(target=Channel.feed_from, args=(peer, 0), daemon=True).start()
        for kind, payload in frames(peer):
            if kind == b"x":
                status = json.loads(payload).get("status", 124)
                return status if status >= 0 else 128 - status
            stream = sys.stdout if kind == b"o" else sys.stderr
            stream.buffer.write(payload)
            stream.buffer.flush()
        raise LabError("Dom0 stopped answering")

    @staticmethod
    def feed_from(peer, fd):
        try:
            while data := os.read(fd, CHUNK):
                peer.sendall(frame(b"i", data))
            peer.sendall(frame(b"i"))
        except OSError:
            pass  # the command ended without reading it all


def frame(kind, payload=b""):
    return kind + struct.pack(">I", len(payload)) + payload


def frames(peer):
    stream = peer.makefile("rb")
    while True:
        head = stream.read(5)
        if len(head) < 5:
            return
        yield head[:1], stream.read(struct.unpack(">I", head[1:])[0])
