# SPDX-License-Identifier: Apache-2.0
"""Everything that comes from apt.

Host packages are installed as usual (and are the only change the lab makes to the host). All else,
sources included, is downloaded through an apt state of our own in the cache, with a sources list
derived from the mirrors that this machine already uses: the host's lists are never touched.
"""

import functools
import os
import shutil
import subprocess
import time

from xenlab.paths import BUILD, CACHE
from xenlab.progress import LabError, run, say, step

HOST_PACKAGES = """
    qemu-system-x86 mmdebstrap e2fsprogs fakeroot busybox-static cpio kmod
    gcc libc6-dev make flex bison patch xz-utils dpkg-dev ccache python3 libxen-dev
""".split()

SUITE = "bookworm"  # whose Xen this is; Dom0 is the same Debian
ARCHIVE_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
APT = CACHE / "apt"
LOG = BUILD / "packages.log"


def install_host_packages():
    query = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *HOST_PACKAGES],
                           capture_output=True, text=True)
    present = {line.split()[1] for line in query.stdout.splitlines() if line.startswith("installed ")}
    missing = [name for name in HOST_PACKAGES if name not in present]
    if not missing:
        return
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() == 0:
        as_root = ["env"]
    elif shutil.which("sudo"):
        as_root = ["sudo"]
    else:
        raise LabError("packages are missing and there is neither root nor sudo; run: " + " ".join(install))
    with step(f"installing {len(missing)} packages with apt"):
        run([*as_root, "apt-get", "update", "--quiet"], LOG)
        run([*as_root, "DEBIAN_FRONTEND=noninteractive", *install], LOG)


@functools.cache
def mirrors():
    """(URI, suite) of the configured Debian archives, as lines for another sources list need them."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                             "Created-By: Packages"], capture_output=True, text=True, check=True).stdout
    rows = dict.fromkeys(tuple(line.split()) for line in listed.splitlines() if len(line.split()) == 3)
    release = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release") if "=" in line)
    host = release.get("VERSION_CODENAME", SUITE).strip('"')
    found = []
    for uri, suite, component in rows:
        base, _, rest = suite.partition("-")
        if base == host and component == "main" and rest in ("", "updates", "security"):
            found.append((uri, f"{SUITE}-{rest}" if rest else SUITE))
    if not any(suite == SUITE for _, suite in found):
        raise LabError(f"no Debian mirror with {host} main is configured for apt")
    return found


def source_lines(kind="deb", suites=None):
    return [f"{kind} [signed-by={ARCHIVE_KEYS}] {uri} {suite} main"
            for uri, suite in mirrors() if suites is None or suite in suites]


def private_apt():
    """The options that keep apt inside our own state."""
    lists = APT / "lists"
    for directory in (lists / "partial", APT / "archives" / "partial"):
        directory.mkdir(parents=True, exist_ok=True)
    (APT / "status").touch()
    (APT / "sources.list").write_text("\n".join(source_lines() + source_lines("deb-src", [SUITE])) + "\n")
    options = {"Dir::Etc::SourceList": APT / "sources.list", "Dir::Etc::SourceParts": "/dev/null",
               "Dir::State": APT, "Dir::State::lists": lists, "Dir::State::status": APT / "status",
               "Dir::Cache": APT, "APT::Get::List-Cleanup": "false", "APT::Sandbox::User": "",
               "Acquire::Languages": "none", "Acquire::Retries": "3"}
    return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def update():
    """Refreshes the private lists, at most once a day."""
    stamp = APT / "updated"
    wanted = "\n".join(source_lines())
    if stamp.exists() and stamp.read_text() == wanted and time.time() - stamp.stat().st_mtime < 86400:
        return
    with step("fetching package lists"):
        run(["apt-get", *private_apt(), "update", "--quiet"], LOG)
    stamp.write_text(wanted)


def ask(*argv):
    return subprocess.run([argv[0], *private_apt(), *argv[1:]], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL).stdout


def version_of(package):
    """The version apt would choose, and nothing newer than our lists know."""
    update()
    for line in ask("apt-cache", "policy", package).splitlines():
        if line.strip().startswith("Candidate:"):
            return line.split()[1]
    raise LabError(f"the archive has no package {package}")


def depends_on(package, prefix):
    """The dependency of a metapackage whose name begins with `prefix`."""
    update()
    for line in ask("apt-cache", "depends", package).splitlines():
        word = line.replace("Depends:", "").strip()
        if "Depends:" in line and word.startswith(prefix):
            return word
    raise LabError(f"{package} depends on nothing called {prefix}*")


def unpack(package, into):
    """Downloads a binary package and unpacks it, without installing anything."""
    update()
    archives = APT / "archives"
    wanted = f"{package}={version_of(package)}"
    name = ask("apt-get", "download", "--print-uris", wanted).split()
    if len(name) < 2:
        raise LabError(f"apt cannot download {wanted}")
    deb = archives / name[1]
    if not deb.exists():
        with step(f"downloading {package}"):
            run(["apt-get", *private_apt(), "download", wanted], LOG, cwd=archives)
    run(["dpkg-deb", "-x", deb, into], LOG)


def source_version(package):
    update()
    versions = [line.split()[1] for line in ask("apt-cache", "showsrc", "--only-source", package).splitlines()
                if line.startswith("Version:")]
    if not versions:
        raise LabError(f"the archive has no source package {package}")
    return versions[-1]


def unpack_source(package, version, into):
    """Leaves the unpacked source as the directory `into`."""
    update()
    downloads = APT / "source"
    downloads.mkdir(exist_ok=True)
    upstream = version.split(":")[-1]
    dsc = downloads / f"{package}_{upstream}.dsc"
    with step(f"fetching the source of {package} {version}"):
        run(["apt-get", *private_apt(), "source", "--download-only", "--only-source", f"{package}={version}"],
            LOG, cwd=downloads)
    if not dsc.exists():
        raise LabError(f"apt fetched no {dsc.name}")
    run(["dpkg-source", "--no-check", "-x", dsc, into], LOG)
