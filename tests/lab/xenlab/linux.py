# SPDX-License-Identifier: Apache-2.0
"""A guest that does what its administrator asks: Dom0's kernel with a busybox for a userland."""

import gzip
import lzma
import shutil
import struct
import subprocess

from xenlab import dom0
from xenlab.paths import CACHE, LAB
from xenlab.progress import LabError, cached, digest, step

INIT = LAB / "guests" / "linux-init"
MEMORY = 128  # MiB
PLACE = "/tmp/linux"  # in Dom0
XZ = b"\xfd7zXZ\0"


def obtain():
    """A directory with vmlinux and initrd.gz."""
    kernel = dom0.obtain("4.17").kernel
    return cached(CACHE / "linux" / digest(kernel, INIT), lambda scratch: make(kernel, scratch))


def make(kernel, scratch):
    with step("making a Linux guest"):
        (scratch / "vmlinux").write_bytes(unpacked(kernel.read_bytes()))
        tree = scratch / "tree"
        for name in ("bin", "sbin", "proc", "sys", "dev", "tmp"):
            (tree / name).mkdir(parents=True)
        shutil.copy("/bin/busybox", tree / "bin" / "busybox")
        for name in ("poweroff", "reboot"):  # which the kernel calls when the toolstack asks for it
            (tree / "sbin" / name).write_text(f"#!/bin/busybox sh\nexec /bin/busybox {name} -f\n")
            (tree / "sbin" / name).chmod(0o755)
        shutil.copy(INIT, tree / "init")
        names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
        packed = subprocess.run(["cpio", "--create", "--format=newc", "--owner=0:0", "--quiet"],
                                input=names.encode(), capture_output=True, cwd=tree, check=True).stdout
        (scratch / "initrd.gz").write_bytes(gzip.compress(packed, 6))
        shutil.rmtree(tree)


def unpacked(image):
    """The kernel proper inside a bzImage: the boot protocol says where the payload is."""
    sectors = image[0x1f1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    payload = image[(sectors + 1) * 512 + offset:][:length]
    if not payload.startswith(XZ):
        raise LabError("the kernel's payload is not xz; teach linux.py what it is")
    return lzma.LZMADecompressor().decompress(payload)


class Linux:
    """One such guest on a host."""

    def __init__(self, lab, kind, name=None):
        self.lab, self.kind, self.name = lab, kind, name or f"linux-{kind}"
        share = lab.machine.share / "linux"
        if not share.exists():
            shutil.copytree(obtain(), share)
            # Each guest's builder reads all of it, and the share is slow.
            lab.dom0.run("cp", "-r", "/share/linux", PLACE, timeout=300)

    def create(self, vcpus=2):
        # All of them from the start: Linux 6.1 does not bring up what a PVH guest's ACPI tables, by Xen 4.20, do not enable.
        self.lab.guests.create(
            self.name, self.kind, kernel=f"{PLACE}/vmlinux", memory=MEMORY, command="quiet panic=1", patience=240,
            vcpus=vcpus, more=f'ramdisk = "{PLACE}/initrd.gz"\non_crash = "preserve"\n')

    @property
    def domid(self):
        return self.lab.guests.domid(self.name)

    def is_up(self):
        """Its init says so. The kernel tells earlier what it can be asked for, but then ignores a shutdown for a while."""
        key = f"/local/domain/{self.domid}/data/up"
        return self.lab.dom0.run("xenstore-read", key, check=False).text.strip() == "1"

    def destroy(self):
        self.lab.dom0.run("xl", "destroy", self.name, check=False)
