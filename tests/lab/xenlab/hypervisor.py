# SPDX-License-Identifier: Apache-2.0
"""The hypervisor: `stock` is Debian's, the others are built from Debian's source and xen-patches/4.17.

But for `4.20`, which is built from xen-patches/4.20 and the source that $XSE_XEN_SOURCE names: DIR, or
DIR@REVISION for a revision in a git repository. Debian 12 has none.
"""

import gzip
import os
import shutil
import subprocess
from pathlib import Path

from xenlab.packages import BOOKWORM
from xenlab.paths import BUILD, CACHE, PATCHES
from xenlab.progress import LabError, cached, digest, run, step

STOCK_PACKAGE = "xen-hypervisor-4.17-amd64"

# All have the null scheduler, on which a vCPU is never descheduled. It takes CONFIG_EXPERT or CONFIG_DEBUG.
CONFIG = {
    # The usual one: assertions armed.
    "patched": """
CONFIG_DEBUG=y
CONFIG_UNSUPPORTED=y
CONFIG_SCHED_NULL=y
""",
    "release": """
CONFIG_EXPERT=y
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
OTHER_XEN = "4.20"
CONFIG[OTHER_XEN] = CONFIG["release"]
FLAVOURS = (*CONFIG, "stock")


def xen_of(flavour):
    """The version of Xen, as a directory of xen-patches/ has it in its name."""
    return OTHER_XEN if flavour == OTHER_XEN else "4.17"


def series(xen):
    directory = PATCHES / xen
    names = [line.split("#")[0].strip() for line in (directory / "series").read_text().splitlines()]
    found = [directory / name for name in names if name]
    for patch in found:
        if not patch.exists():
            raise LabError(f"xen-patches/{xen}/series names {patch.name}, which is not there")
    return found


def obtain(flavour):
    """Returns the path of a bootable xen."""
    if flavour not in FLAVOURS:
        raise LabError(f"flavour {flavour}: not one of {', '.join(FLAVOURS)}")
    return (stock() if flavour == "stock" else patched(flavour)) / "xen"


def stock():
    version = BOOKWORM.version_of(STOCK_PACKAGE)

    def make(scratch):
        BOOKWORM.unpack(STOCK_PACKAGE, scratch / "root")
        for image in (scratch / "root" / "boot").glob("xen-*.gz"):
            (scratch / "xen").write_bytes(gzip.decompress(image.read_bytes()))
        shutil.rmtree(scratch / "root")

    return cached(CACHE / "xen" / f"stock-{digest(version)}", make)


def patched(flavour):
    patches = series(xen_of(flavour))
    version, unpack = named_source() if flavour == OTHER_XEN else debian_source()
    # What is for tools and documents only makes no other hypervisor.
    key = digest(version, CONFIG[flavour], *(patch for patch in patches if b"\n+++ b/xen/" in patch.read_bytes()))

    def make(scratch):
        tree = BUILD / "xen" / key
        log = BUILD / "xen" / f"{key}.log"
        log.unlink(missing_ok=True)
        shutil.rmtree(tree, ignore_errors=True)
        tree.parent.mkdir(parents=True, exist_ok=True)
        try:
            unpack(tree)
            for patch in patches:
                run(["patch", "-p1", "--forward", "--fuzz=0", "--no-backup-if-mismatch", "-i", patch], log, cwd=tree)
            with step(f"building the hypervisor, {flavour} (log: {log})"):
                build(tree, CONFIG[flavour], log)
            shutil.copy(tree / "xen" / "xen", scratch / "xen")
            shutil.copy(tree / "xen" / "xen-syms", scratch / "xen-syms")
            shutil.copy(tree / "xen" / ".config", scratch / "config")
        finally:
            shutil.rmtree(tree, ignore_errors=True)

    return cached(CACHE / "xen" / f"{flavour}-{key}", make)


def debian_source():
    """(what it is, function that leaves it in a directory)"""
    version = BOOKWORM.source_version("xen")
    return version, lambda tree: BOOKWORM.unpack_source("xen", version, tree)


def named_source():
    """The same for $XSE_XEN_SOURCE. A plain directory is known by its name: who changes it gives it another."""
    named = os.environ.get("XSE_XEN_SOURCE")
    if not named:
        raise LabError(f"for {OTHER_XEN} name a source of Xen: XSE_XEN_SOURCE=DIR, or DIR@REVISION in a git repository")
    place, _, revision = named.partition("@")
    return named, lambda tree: copy_source(Path(place), revision, tree)


def copy_source(place, revision, tree):
    """A revision of a git repository, or all that is in a directory but its history."""
    words = ["git", "-C", place, "archive", revision] if revision else ["tar", "-C", place, "--exclude=./.git", "-c", "."]
    tree.mkdir(parents=True)
    with step(f"copying {place}"), subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE) as archive:
        subprocess.run(["tar", "-C", tree, "-x"], stdin=archive.stdout, check=True, timeout=600)
    if archive.returncode:
        raise LabError(f"{words[0]} could not read {place}")


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
