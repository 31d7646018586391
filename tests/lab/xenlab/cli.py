# SPDX-License-Identifier: Apache-2.0
"""The commands of the lab."""

import argparse
import dataclasses
import os
import shutil
import signal
import sys

from xenlab import dom0, exporter, hypervisor, packages, suite
from xenlab.exporter import Exporter
from xenlab.guests import Guests
from xenlab.host import CHOICES, Host
from xenlab.machine import Machine, all_machines
from xenlab.progress import LabError, say, step

DESCRIPTION = "A real Xen in QEMU, with a Dom0, guests and the exporter, on any Debian 12 machine."


def parser():
    top = argparse.ArgumentParser(prog="lab", description=DESCRIPTION,
                                  epilog="Without a command: up. Several hosts run side by side, each with its name.")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    def command(name, does, what):
        sub = commands.add_parser(name, help=what, description=what)
        sub.add_argument("--name", default="lab", help="the host's name (default: lab)")
        sub.set_defaults(does=does)
        return sub

    usual = Host()
    up = command("up", do_up, "boot a host, start guests and the exporter, print the URL, leave it running")
    up.add_argument("--flavour", choices=hypervisor.FLAVOURS, default=usual.flavour, help="which Xen (default: %(default)s)")
    up.add_argument("--dom0", choices=CHOICES["dom0"], default=usual.dom0, help="Dom0's type (default: %(default)s)")
    up.add_argument("--init", choices=CHOICES["init"], default=usual.init, help="Dom0's init (default: %(default)s)")
    up.add_argument("--xenstored", choices=CHOICES["xenstored"], default=usual.xenstored, help="which xenstored (default: %(default)s)")
    up.add_argument("--boot", default=usual.boot, metavar="WORDS", help="more words for Xen's command line")
    up.add_argument("--smp", default=usual.smp, help="pCPUs, as QEMU's -smp takes them (default: %(default)s)")
    up.add_argument("--memory", type=int, default=usual.memory, metavar="MIB", help="of the host; Dom0 has 1024 (default: %(default)s)")
    up.add_argument("--no-guests", dest="guests", action="store_false", help="only Dom0")
    up.add_argument("--no-exporter", dest="exporter", action="store_false", help="do not start the exporter")
    command("shell", do_shell, "a shell in Dom0")
    run = command("run", do_run, "run a command in Dom0, with its output and its exit status")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="CMD...")
    exp = command("exporter", do_exporter, "start the exporter again, with the newest build or $XSE_EXPORTER")
    exp.add_argument("argv", nargs=argparse.REMAINDER, metavar="OPTION...", help="options for it instead of the usual")
    test = command("test", do_test, "boot hosts of its own, run the suites, end them")
    test.add_argument("pattern", nargs="?", default="", help="only tests with this (or one of these, with commas) in their name")
    test.add_argument("--long", action="store_true", help="also what takes long, at its full scale and on more hosts")
    test.add_argument("--on", nargs="+", default=[], metavar="KEY=VALUE",
                      help="on such hosts instead of those the suites name: flavour=release, dom0=pvh, ...")
    test.add_argument("--prepare", action="store_true", help="only build what these tests need")
    test.set_defaults(name=f"test-{os.getpid()}")
    command("down", do_down, "end the host")
    command("status", do_status, "which hosts there are").set_defaults(name=None)
    command("logs", do_logs, "the console of Xen and Dom0")
    return top


def main(argv=None):
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help")):
        argv.insert(0, "up")
    options = parser().parse_args(argv)
    # So that being told to end unwinds what was begun.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    try:
        return options.does(options)
    except LabError as why:
        say(f"error: {why}")
        return 1
    except KeyboardInterrupt:
        return 130


def host_of(options):
    """What the options of `up` say; the rest is as usual."""
    return Host(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Host)
                   if hasattr(options, field.name)})


def do_up(options):
    machine = Machine(options.name)
    packages.install_host_packages()
    host = host_of(options)
    machine.boot(host, hypervisor.obtain(host.flavour), dom0.obtain(host.xen), linger=True)
    try:
        guests = Guests(machine)
        guests.prepare(host.xen)
        if host.guests:
            with step("starting guests"):
                guests.start_default()
        if host.exporter:
            start_exporter(machine)
    except BaseException as why:
        if not isinstance(why, LabError):
            machine.stop()  # we were told to end; a mere failure leaves a host to look at
        raise
    say("up: `lab run xl list`, `lab shell`, `lab down`")
    print(machine.url)
    return 0


def start_exporter(machine, *arguments):
    binary = exporter.find()
    if not binary:
        say("no exporter: none is built and XSE_EXPORTER names none")
        return
    with step(f"starting {binary}"):
        one = Exporter(machine)
        one.stop()
        one.install(binary)
        one.start(*arguments)


def do_exporter(options):
    machine = Machine(options.name)
    start_exporter(machine, *options.argv)
    print(machine.url)
    return 0


def do_test(options):
    return suite.run(options.name, options.pattern, options.long, options.on, options.prepare)


def do_shell(options):
    return Machine(options.name).dom0.attach(["/bin/bash", "-l"])


def do_run(options):
    if not options.argv:
        raise LabError("run what?")
    return Machine(options.name).dom0.attach(options.argv)


def do_down(options):
    machine = Machine(options.name)
    say(f"{options.name!r} is down" if machine.stop() else f"{options.name!r} was not up")
    return 0


def do_status(options):
    rows = [(m.name, "up", str(m.state["pid"]), m.url, m.state.get("host") or "booting") if m.running
            else (m.name, "down", "", "", "") for m in all_machines()]
    for row in [("NAME", "STATE", "PID", "URL", "HOST"), *rows]:
        print(f"{row[0]:16} {row[1]:6} {row[2]:8} {row[3]:31} {row[4]}".rstrip())
    return 0


def do_logs(options):
    with open(Machine(options.name).console, "rb") as console:
        shutil.copyfileobj(console, sys.stdout.buffer)
    return 0
