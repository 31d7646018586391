# SPDX-License-Identifier: Apache-2.0
"""Applies a series to the source of its base, step by step, and builds the steps.

Works in build/series/, and takes Debian's source from the lab's cache, or by apt as the lab does.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from xenlab.hypervisor import copy_source  # noqa: E402
from xenlab.packages import BOOKWORM  # noqa: E402
from xenlab.paths import CACHE  # noqa: E402
from xenlab.progress import LabError, run, step  # noqa: E402

WORK = ROOT / "build" / "series"

# Bases whose source apt gives on Debian 12. The others need --source.
DEBIAN = {"4.17": "xen"}

ARCHES = {
    "x86_64": {"directory": "x86", "make": []},
    "arm64": {"directory": "arm", "make": ["CROSS_COMPILE=aarch64-linux-gnu-"]},
}

# What the last step is built with besides the defaults.
VARIANTS = {
    "without statistics tables": "CONFIG_STATS_TABLES=n\n",
    "for debugging": "CONFIG_DEBUG=y\n",
    "with FLASK": "CONFIG_XSM=y\nCONFIG_XSM_FLASK=y\n# CONFIG_XSM_FLASK_POLICY is not set\n",
    "with performance counters": "CONFIG_EXPERT=y\nCONFIG_PERF_COUNTERS=y\nCONFIG_PERF_ARRAYS=y\n",
}
X86_VARIANTS = {
    "without PV": "CONFIG_PV=n\n",
    "without HVM": "CONFIG_HVM=n\n",
}


def check(base, patches, options, report):
    work = WORK / base
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        pristine = work / "pristine"
        unpack(base, options.source, pristine)
        if not report.say(f"{base}: this is the source of Xen {version(pristine)}", version_wrong(base, pristine)):
            return
        apply_all(base, patches, pristine, work, report)
        if options.build and any(change.created and change.path.startswith("tools/") for patch in patches
                                 for change in patch.changes):
            build_tools(base, patches[0].home, work, report)
        for arch in (options.arch or ARCHES) if options.build else ():
            build_all(base, patches, arch, pristine, work, options, report)
    except (LabError, OSError, subprocess.SubprocessError) as error:
        report.say(f"{base}: nothing came in between", str(error).split("\n"))
        return
    shutil.rmtree(pristine)


def unpack(base, source, into):
    if source:
        place, _, revision = source.partition("@")
        copy_source(Path(place).resolve(), revision, into)
        return
    if base not in DEBIAN:
        raise LabError(f"apt has no source for {base}; name one with --source=DIR[@REVISION]")
    BOOKWORM.unpack_source(DEBIAN[base], BOOKWORM.source_version(DEBIAN[base]), into)


def version(tree):
    """As the hypervisor's Makefile says it, such as 4.17.5."""
    text = (tree / "xen" / "Makefile").read_text()
    found = {name: re.search(rf"^(?:export )?XEN_{name}\s*[?:]?=\s*(\S*)", text, re.M)
             for name in ("VERSION", "SUBVERSION", "EXTRAVERSION")}
    number, sub, extra = (match.group(1) if match else "" for match in found.values())
    return f"{number}.{sub}{extra.split('$')[0]}"


def version_wrong(base, tree):
    found = version(tree)
    fits = base == "master" or found == base or found.startswith((f"{base}.", f"{base}-"))
    return [] if fits else [f"the series is for {base}"]


def apply_one(patch, tree):
    """Returns (what is wrong, what is worth a remark)."""
    # Not a part of the repository around it.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)}
    strict = subprocess.run(["git", "apply", "--check", "--whitespace=error-all", patch.path], cwd=tree,
                            env=environment, capture_output=True, text=True, timeout=60)
    done = subprocess.run(["patch", "-p1", "--forward", "--fuzz=0", "--no-backup-if-mismatch", "-i", patch.path],
                          cwd=tree, capture_output=True, text=True, timeout=60)
    lines = (done.stdout + done.stderr).splitlines()
    offsets = [int(offset) for line in lines for offset in re.findall(r"\(offset (-?\d+) lines?\)", line)]
    wrong = strict.stderr.splitlines() if strict.returncode else []
    wrong += lines if done.returncode else []
    return wrong, offsets


def apply_all(base, patches, pristine, work, report):
    tree = work / "applied"
    shutil.copytree(pristine, tree, symlinks=True)
    for patch in patches:
        wrong, offsets = apply_one(patch, tree)
        remark = f", {len(offsets)} hunks up to {max(offsets, key=abs)} lines off" if offsets else ""
        if not report.say(f"{base}: {patch.name} applies{remark}", wrong):
            break
    shutil.rmtree(tree)


def build_tools(base, series, work, report):
    """The programs that the series adds, against the libraries of Debian's Xen."""
    done = subprocess.run([ROOT / "tests" / "series" / "build-tools", work, series], capture_output=True, text=True,
                          timeout=300)
    report.say(f"{base}: the tools build", done.stderr.splitlines() if done.returncode else [])


def build_all(base, patches, arch, pristine, work, options, report):
    tree, log = work / arch, work / f"{arch}.log"
    shutil.copytree(pristine, tree, symlinks=True)
    built = True
    for number, patch in enumerate(patches, 1):
        wrong, _ = apply_one(patch, tree)
        if wrong:
            report.say(f"{base}: {patch.name} applies", wrong)
            built = False
            break
        if not options.last or number == len(patches):
            # A patch of tools or documents only leaves the hypervisor as it was.
            if number < len(patches) and not any(change.path.startswith("xen/") for change in patch.changes):
                continue
            built = build(base, f"{patch.name} builds for {arch}", "", arch, tree, log, report) and built
    variants = {**VARIANTS, **(X86_VARIANTS if arch == "x86_64" else {})}
    for name, config in variants.items() if built else ():
        build(base, f"the whole builds for {arch} {name}", config, arch, tree, log, report)
    shutil.rmtree(tree)


def build(base, what, config, arch, tree, log, report):
    row = ARCHES[arch]
    xen = tree / "xen"
    (xen / "arch" / row["directory"] / "configs" / "series_defconfig").write_text(config)
    environment = {**os.environ, "CCACHE_DIR": str(CACHE / "ccache"), "CCACHE_BASEDIR": str(tree),
                   "CCACHE_NOHASHDIR": "1", "XEN_BUILD_DATE": "series", "XEN_BUILD_TIME": "",
                   "XEN_BUILD_HOST": "series", "XEN_WHOAMI": "series", "XEN_DOMAIN": ""}
    cross = [word.split("=")[1] for word in row["make"]]
    make = ["make", "-C", xen, f"XEN_TARGET_ARCH={arch}", *row["make"], "HOSTCC=ccache gcc",
            f"CC=ccache {''.join(cross)}gcc"]
    try:
        with step(f"{base}: {what}"):
            (xen / ".config").unlink(missing_ok=True)
            run([*make, "KBUILD_DEFCONFIG=series_defconfig", "defconfig"], log, env=environment)
            run([*make, f"-j{os.cpu_count()}", "build"], log, env=environment)
    except LabError as error:
        return report.say(f"{base}: {what}", str(error).split("\n"))
    wanted = [line for line in config.splitlines() if line.endswith("=y")]
    unwanted = [line.replace("=n", "=y") for line in config.splitlines() if line.endswith("=n")]
    now = (xen / ".config").read_text().splitlines()
    return report.say(f"{base}: {what}", [f"{line} did not take effect" for line in wanted if line not in now] +
                      [f"{line} is set" for line in unwanted if line in now])
