# SPDX-License-Identifier: Apache-2.0
"""Dom0's kernel, initrd and root file system. Nothing of the lab's own is in them: that comes in
through the 9p share, so editing the lab never rebuilds an image."""

import gzip
import os
import shutil
import subprocess
from pathlib import Path

from xenlab import packages
from xenlab.paths import BUILD, CACHE, LAB
from xenlab.progress import cached, digest, run, step

ROOT_PACKAGES = """
    xen-utils-{xen} xenstore-utils iproute2 kmod procps psmisc strace curl socat gdb-minimal less
    systemd-sysv dbus libsystemd0 {microhttpd} libasan8 libubsan1 libxenmisc{xen} libxenforeignmemory1
"""

# Xen's tools go with the hypervisor: from which Debian they come.
ROOT_ARCHIVES = {
    "4.17": (packages.BOOKWORM, "libmicrohttpd12"),
    "4.20": (packages.TRIXIE, "libmicrohttpd12t64"),
}
# What the exporter was linked against, where that is another one.
EXPORTER_LIBRARIES = "libxenmisc4.17"

# What boots Dom0 is loaded by the initrd; the rest waits in the root file system.
BOOT_MODULES = "virtio_pci virtio_blk virtio_net crc32c_generic ext4 9p 9pnet_virtio".split()
ROOT_MODULES = BOOT_MODULES + """
    xen-privcmd xen-evtchn xen-gntdev xen-gntalloc xenfs xen-netback xen-blkback bridge tun loop
""".split()

ROOT_SIZE = "900M"  # sparse
INIT = LAB / "dom0" / "initrd-init"


# What libxen-dev only has links to.
DEV_PACKAGES = """
    libxen-dev libxenmisc{xen} libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1
    libxentoolcore1 libxentoollog1
"""


def compiling_for(xen):
    """The environment in which a program gets Xen's libraries of this version; None for those that are installed."""
    archive, _ = ROOT_ARCHIVES[xen]
    if archive is packages.BOOKWORM:
        return None
    names = DEV_PACKAGES.format(xen=xen).split()
    key = digest(archive.suite, *archive.versions_of(*names))

    def make(scratch):
        for name in names:
            archive.unpack(name, scratch)

    place = cached(CACHE / "libxen-dev" / key, make) / "usr"
    # They are made for a newer C library, which is in Dom0.
    return {**os.environ, "CPATH": str(place / "include"),
            "LDFLAGS": f"-L{place / 'lib' / 'x86_64-linux-gnu'} -Wl,--allow-shlib-undefined"}


class Dom0:
    def __init__(self, kernel, initrd, root):
        self.kernel = kernel / "vmlinuz"
        self.initrd = initrd / "initrd.gz"
        self.root = root / "root.img"


def obtain(xen):
    """What Dom0 boots from on this version of Xen."""
    archive, microhttpd = ROOT_ARCHIVES[xen]
    package = packages.BOOKWORM.depends_on("linux-image-amd64", "linux-image-")
    kernel_key = digest(package, packages.BOOKWORM.version_of(package), *ROOT_MODULES)
    kernel = cached(CACHE / "kernel" / kernel_key, lambda scratch: make_kernel(package, scratch))
    initrd = cached(CACHE / "initrd" / digest(kernel_key, INIT), lambda scratch: make_initrd(kernel, scratch))
    names = ROOT_PACKAGES.format(xen=xen, microhttpd=microhttpd).split()
    root_key = digest(kernel_key, ROOT_SIZE, *names, *archive.versions_of(*names))
    root = cached(CACHE / "root" / root_key, lambda scratch: make_root(archive, names, kernel, scratch))
    return Dom0(kernel, initrd, root)


def make_kernel(package, scratch):
    with step("unpacking Dom0's kernel"):
        tree = scratch / "unpacked"
        packages.BOOKWORM.unpack(package, tree)
        shutil.copy(next((tree / "boot").glob("vmlinuz-*")), scratch / "vmlinuz")
        version = next((tree / "lib" / "modules").iterdir()).name
        run(["depmod", "-b", tree, version], packages.LOG)
        copy_modules(tree, version, BOOT_MODULES, scratch / "boot")
        copy_modules(tree, version, ROOT_MODULES, scratch / "root")
        shutil.rmtree(tree)


def make_initrd(kernel, scratch):
    tree = scratch / "tree"
    shutil.copytree(kernel / "boot", tree)
    (tree / "bin").mkdir()
    shutil.copy("/bin/busybox", tree / "bin" / "busybox")
    shutil.copy(INIT, tree / "init")
    (tree / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    packed = subprocess.run(["cpio", "--create", "--format=newc", "--owner=0:0", "--quiet"],
                            input=names.encode(), capture_output=True, cwd=tree, check=True).stdout
    (scratch / "initrd.gz").write_bytes(gzip.compress(packed, 6))
    shutil.rmtree(tree)


def copy_modules(tree, version, names, into):
    wanted = subprocess.run(["modprobe", "-d", tree, "-S", version, "--show-depends", "--all", *names],
                            capture_output=True, text=True, check=True).stdout
    files = {Path(line.split()[1]) for line in wanted.splitlines() if line.startswith("insmod")}
    for file in files:
        target = into / file.relative_to(tree)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy(tree / "lib" / "modules" / version / name, into / "lib" / "modules" / version)
    run(["depmod", "-b", into, version], packages.LOG)


def make_root(archive, names, kernel, scratch):
    log = BUILD / "root.log"
    log.unlink(missing_ok=True)
    tarball, image = scratch / "root.tar", scratch / "root.img"
    with step(f"building Dom0's root file system (log: {log})"):
        run(["mmdebstrap", "--variant=minbase", f"--include={','.join(names)}",
             "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
             "--dpkgopt=path-exclude=/usr/share/locale/*", archive.suite, tarball, *archive.source_lines()], log)
        extra = scratch / "extra"
        extra.mkdir()
        if EXPORTER_LIBRARIES not in names:
            packages.BOOKWORM.unpack(EXPORTER_LIBRARIES, extra)
        # fakeroot keeps the owners without being root; devtmpfs will fill /dev.
        make = (f"mkdir tree && tar -C tree --exclude='./dev/*' -xf '{tarball}' && "
                f"cp -r '{kernel}/root/lib' tree/usr/ && cp -a '{extra}/.' tree/ && "
                f"mke2fs -q -t ext4 -d tree -O ^has_journal '{image}' {ROOT_SIZE}")
        run(["fakeroot", "sh", "-c", make], log, cwd=scratch)
    tarball.unlink()
    run(["rm", "-rf", scratch / "tree", scratch / "extra"], log)
