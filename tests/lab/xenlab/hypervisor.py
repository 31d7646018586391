# SPDX-License-Identifier: Apache-2.0
"""The hypervisor: `stock` is Debian's, the others are built from Debian's source and xen-patches/4.17."""

import gzip
import os
import shutil

from xenlab import packages
from xenlab.paths import BUILD, CACHE, PATCHES
from xenlab.progress import LabError, cached, digest, run, step

STOCK_PACKAGE = "xen-hypervisor-4.17-amd64"

# All have the null scheduler, on which a vCPU is never descheduled.
CONFIG = {
    # The usual one: assertions armed.
    "patched": """
CONFIG_DEBUG=y
CONFIG_UNSUPPORTED=y
CONFIG_SCHED_NULL=y
""",
    "release": """
CONFIG_UNSUPPORTED=y
CONFIG_SCHED_NULL=y
""",
    # It counts hypercalls and locks, for xenperf and xenlockprof.
    "perf": """
CONFIG_EXPERT=y
CONFIG_UNSUPPORTED=y
CONFIG_SCHED_NULL=y
CONFIG_PERF_COUNTERS=y
CONFIG_PERF_ARRAYS=y
CONFIG_DEBUG_LOCK_PROFILE=y
""",
}
FLAVOURS = (*CONFIG, "stock")


def have_series():
    return (PATCHES / "series").exists() and bool(series())


def series():
    names = [line.split("#")[0].strip() for line in (PATCHES / "series").read_text().splitlines()]
    return [PATCHES / name for name in names if name]


def obtain(flavour):
    """Returns the path of a bootable xen."""
    packages.update()
    if flavour not in FLAVOURS:
        raise LabError(f"flavour {flavour}: not one of {', '.join(FLAVOURS)}")
    return (stock() if flavour == "stock" else patched(flavour)) / "xen"


def stock():
    version = packages.version_of(STOCK_PACKAGE)

    def make(scratch):
        packages.unpack(STOCK_PACKAGE, scratch / "root")
        for image in (scratch / "root" / "boot").glob("xen-*.gz"):
            (scratch / "xen").write_bytes(gzip.decompress(image.read_bytes()))
        shutil.rmtree(scratch / "root")

    return cached(CACHE / "xen" / f"stock-{digest(version)}", make)


def patched(flavour):
    if not have_series():
        raise LabError("there is no xen-patches/4.17/series yet; try --flavour=stock")
    for patch in series():
        if not patch.exists():
            raise LabError(f"xen-patches/4.17/series names {patch.name}, which is not there")
    version = packages.source_version("xen")
    key = digest(version, CONFIG[flavour], *series())

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
            with step(f"building the hypervisor, {flavour} (log: {log})"):
                build(tree, CONFIG[flavour], log)
            shutil.copy(tree / "xen" / "xen", scratch / "xen")
            shutil.copy(tree / "xen" / "xen-syms", scratch / "xen-syms")
            shutil.copy(tree / "xen" / ".config", scratch / "config")
        finally:
            shutil.rmtree(tree, ignore_errors=True)

    return cached(CACHE / "xen" / f"{flavour}-{key}", make)


def build(tree, config, log):
    (tree / "xen" / "arch" / "x86" / "configs" / "lab_defconfig").write_text(config)
    env = {**os.environ, "CCACHE_DIR": str(CACHE / "ccache"), "CCACHE_BASEDIR": str(tree),
           "CCACHE_NOHASHDIR": "1", "CCACHE_MAXSIZE": "1500M",
           # The build's date and place would only spoil the cache.
           "XEN_BUILD_DATE": "lab", "XEN_BUILD_TIME": "", "XEN_BUILD_HOST": "lab",
           "XEN_WHOAMI": "lab", "XEN_DOMAIN": ""}
    make = ["make", "-C", tree / "xen", "XEN_TARGET_ARCH=x86_64", "CC=ccache gcc", "HOSTCC=ccache gcc"]
    run([*make, "KBUILD_DEFCONFIG=lab_defconfig", "defconfig"], log, env=env)
    run([*make, f"-j{os.cpu_count()}", "build"], log, env=env)
