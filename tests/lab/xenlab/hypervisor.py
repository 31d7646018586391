# SPDX-License-Identifier: Apache-2.0
"""The hypervisor: `patched` is built from Debian's source and xen-patches/4.17, `stock` is Debian's."""

import gzip
import os
import shutil

from xenlab import packages
from xenlab.paths import BUILD, CACHE, PATCHES
from xenlab.progress import LabError, cached, digest, run, step

FLAVOURS = ("patched", "stock")
STOCK_PACKAGE = "xen-hypervisor-4.17-amd64"

# Assertions armed; and the null scheduler, on which a vCPU is never descheduled.
CONFIG = """
CONFIG_DEBUG=y
CONFIG_UNSUPPORTED=y
CONFIG_SCHED_NULL=y
"""

def have_series():
    return (PATCHES / "series").exists() and bool(series())


def series():
    names = [line.split("#")[0].strip() for line in (PATCHES / "series").read_text().splitlines()]
    return [PATCHES / name for name in names if name]


def obtain(flavour):
    """Returns the path of a bootable xen."""
    packages.update()
    return (patched() if flavour == "patched" else stock()) / "xen"


def stock():
    version = packages.version_of(STOCK_PACKAGE)

    def make(scratch):
        packages.unpack(STOCK_PACKAGE, scratch / "root")
        for image in (scratch / "root" / "boot").glob("xen-*.gz"):
            (scratch / "xen").write_bytes(gzip.decompress(image.read_bytes()))
        shutil.rmtree(scratch / "root")

    return cached(CACHE / "xen" / f"stock-{digest(version)}", make)


def patched():
    if not have_series():
        raise LabError("there is no xen-patches/4.17/series yet; try --flavour=stock")
    for patch in series():
        if not patch.exists():
            raise LabError(f"xen-patches/4.17/series names {patch.name}, which is not there")
    version = packages.source_version("xen")
    key = digest(version, CONFIG, *series())

    def make(scratch):
        tree = BUILD / "xen" / key
        log = BUILD / "xen" / f"{key}.log"
        log.unlink(missing_ok=True)
        shutil.rmtree(tree, ignore_errors=True)
        tree.parent.mkdir(parents=True, exist_ok=True)
        try:
            packages.unpack_source("xen", version, tree)
            for patch in series():
                run(["patch", "-p1", "--forward", "--fuzz=0", "--no-backup-if-mismatch", "-i", patch], log, cwd=tree)
            with step(f"building the patched hypervisor (log: {log})"):
                build(tree, log)
            shutil.copy(tree / "xen" / "xen", scratch / "xen")
            shutil.copy(tree / "xen" / "xen-syms", scratch / "xen-syms")
            shutil.copy(tree / "xen" / ".config", scratch / "config")
        finally:
            shutil.rmtree(tree, ignore_errors=True)

    return cached(CACHE / "xen" / f"patched-{key}", make)


def build(tree, log):
    (tree / "xen" / "arch" / "x86" / "configs" / "lab_defconfig").write_text(CONFIG)
    env = {**os.environ, "CCACHE_DIR": str(CACHE / "ccache"), "CCACHE_BASEDIR": str(tree),
           "CCACHE_NOHASHDIR": "1", "CCACHE_MAXSIZE": "400M",
           # The build's date and place would only spoil the cache.
           "XEN_BUILD_DATE": "lab", "XEN_BUILD_TIME": "", "XEN_BUILD_HOST": "lab",
           "XEN_WHOAMI": "lab", "XEN_DOMAIN": ""}
    make = ["make", "-C", tree / "xen", "XEN_TARGET_ARCH=x86_64", "CC=ccache gcc", "HOSTCC=ccache gcc"]
    run([*make, "KBUILD_DEFCONFIG=lab_defconfig", "defconfig"], log, env=env)
    run([*make, f"-j{os.cpu_count()}", "build"], log, env=env)
