# SPDX-License-Identifier: Apache-2.0
"""The lab: a real Xen in QEMU under software emulation, with a Dom0, guests and the exporter.

    cli         the commands
    packages    what comes from apt: host packages, sources and downloads in a private apt state
    hypervisor  xen in its flavours: built here with the series, or Debian's
    host        what a host is made of
    dom0        kernel, initrd and root file system of Dom0
    machine     one QEMU: boot, ports, deadline, end
    channel     commands in Dom0 through dom0/agent.py
    guests      mini guests, their placement, tools built for Dom0
    linux       a guest with a Linux, for what mini guests cannot do
    tables      the fields of statistics tables, beside what hypercalls say
    exporter    the exporter in Dom0
    lab         what a test gets
    suite       finds the tests of suite/*.py, boots the hosts they need, runs them
"""
