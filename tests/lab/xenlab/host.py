# SPDX-License-Identifier: Apache-2.0
"""What a host is made of: which Xen and how it boots, which Dom0, what runs there."""

import dataclasses

from xenlab import hypervisor
from xenlab.progress import LabError

CHOICES = {
    "dom0": ("pv", "pvh"),
    "xenstored": ("c", "ocaml"),
    "init": ("small", "systemd"),
}


@dataclasses.dataclass(frozen=True)
class Host:
    flavour: str = "patched"  # of the hypervisor: hypervisor.py lists them
    dom0: str = "pv"
    xenstored: str = "c"
    init: str = "small"
    boot: str = ""  # more words for Xen's command line
    smp: str = "4"  # pCPUs, as QEMU's -smp wants them
    memory: int = 2048  # MiB, of which Dom0 has 1024
    guests: bool = True  # start the usual ones
    exporter: bool = True  # start the exporter
    reboots: bool = False  # it may be rebooted from within; what it wrote to its disk is still there then

    def __post_init__(self):
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise LabError(f"{name}={getattr(self, name)}: not one of {', '.join(allowed)}")

    @property
    def xen(self):
        """The version of Xen, which Dom0's tools have to be of, too."""
        return hypervisor.xen_of(self.flavour)

    def __str__(self):
        """The flavour, and what is not as usual."""
        usual = Host()
        words = [f"{field.name}={getattr(self, field.name)}" for field in dataclasses.fields(self)
                 if field.name != "flavour" and getattr(self, field.name) != getattr(usual, field.name)]
        return " ".join([self.flavour, *words])

    def changed(self, words):
        """Another host, by words such as "dom0=pvh"."""
        fields = {field.name: field.type for field in dataclasses.fields(self)}
        wanted = {}
        for word in words:
            name, _, value = word.partition("=")
            if name not in fields:
                raise LabError(f"{word}: a host has {', '.join(fields)}")
            wanted[name] = value in ("yes", "1", "True") if fields[name] is bool else fields[name](value)
        return dataclasses.replace(self, **wanted)
