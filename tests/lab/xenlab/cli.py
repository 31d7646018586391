# SPDX-License-Identifier: Apache-2.0
"""The commands of the lab."""

import argparse
import os
import shutil
import signal
import sys

from xenlab import dom0, exporter, hypervisor, packages, suite
from xenlab.exporter import Exporter
from xenlab.guests import Guests
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

    up = command("up", do_up, "boot a host, start guests and the exporter, print the URL, leave it running")
    up.add_argument("--flavour", choices=hypervisor.FLAVOURS,
                    help="which Xen (default: patched, or stock while there are no patches)")
    up.add_argument("--init", choices=("small", "systemd"), default="small", help="Dom0's init (default: small)")
    up.add_argument("--no-guests", action="store_true", help="only Dom0")
    up.add_argument("--no-exporter", action="store_true", help="do not start the exporter")
    command("shell", do_shell, "a shell in Dom0")
    run = command("run", do_run, "run a command in Dom0, with its output and its exit status")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="CMD...")
    exp = command("exporter", do_exporter, "start the exporter again, with the newest build or $XSE_EXPORTER")
    exp.add_argument("argv", nargs=argparse.REMAINDER, metavar="OPTION...", help="options for it instead of the usual")
    test = command("test", do_test, "boot a host of its own, run the suite, end it")
    test.add_argument("pattern", nargs="?", default="", help="only tests with this (or one of these, with commas) in their name")
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


def do_up(options):
    machine = Machine(options.name)
    packages.install_host_packages()
    flavour = options.flavour
    if not flavour:
        flavour = "patched" if hypervisor.have_series() else "stock"
        if flavour == "stock":
            say("there is no xen-patches/4.17/series yet: booting stock Xen")
    machine.boot(hypervisor.obtain(flavour), dom0.obtain(), flavour=flavour, init=options.init, linger=True)
    try:
        guests = Guests(machine)
        guests.prepare()
        if not options.no_guests:
            with step("starting guests"):
                guests.start_default()
        if not options.no_exporter:
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
    return suite.run(options.name, options.pattern)


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
    rows = [(m.name, "up", m.state.get("flavour") or "booting", str(m.state["pid"]), m.url) if m.running
            else (m.name, "down", "", "", "") for m in all_machines()]
    for row in [("NAME", "STATE", "XEN", "PID", "URL"), *rows]:
        print(f"{row[0]:16} {row[1]:6} {row[2]:8} {row[3]:8} {row[4]}".rstrip())
    return 0


def do_logs(options):
    with open(Machine(options.name).console, "rb") as console:
        shutil.copyfileobj(console, sys.stdout.buffer)
    return 0
