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

HOST_SUITE = "bookworm"
ARCHIVE_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
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
    """(URI, "", "-updates" or "-security") of the configured Debian archives."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                             "Created-By: Packages"], capture_output=True, text=True, check=True).stdout
    rows = dict.fromkeys(tuple(line.split()) for line in listed.splitlines() if len(line.split()) == 3)
    release = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release") if "=" in line)
    host = release.get("VERSION_CODENAME", HOST_SUITE).strip('"')
    found = []
    for uri, suite, component in rows:
        base, _, rest = suite.partition("-")
        if base == host and component == "main" and rest in ("", "updates", "security"):
            found.append((uri, f"-{rest}" if rest else ""))
    if not any(not rest for _, rest in found):
        raise LabError(f"no Debian mirror with {host} main is configured for apt")
    return found


class Archive:
    """The packages of one release of Debian, through an apt state of their own."""

    def __init__(self, suite):
        self.suite = suite
        self.apt = CACHE / ("apt" if suite == HOST_SUITE else f"apt-{suite}")

    def source_lines(self, kind="deb"):
        return [f"{kind} [signed-by={ARCHIVE_KEYS}] {uri} {self.suite}{rest} main" for uri, rest in mirrors()
                if kind == "deb" or not rest]

    def options(self):
        """What keeps apt inside our own state."""
        lists = self.apt / "lists"
        for directory in (lists / "partial", self.apt / "archives" / "partial"):
            directory.mkdir(parents=True, exist_ok=True)
        (self.apt / "status").touch()
        sources = self.apt / "sources.list"
        wanted = "\n".join(self.source_lines() + self.source_lines("deb-src")) + "\n"
        # Another apt may be reading it.
        if not sources.exists() or sources.read_text() != wanted:
            sources.write_text(wanted)
        options = {"Dir::Etc::SourceList": self.apt / "sources.list", "Dir::Etc::SourceParts": "/dev/null",
                   "Dir::State": self.apt, "Dir::State::lists": lists, "Dir::State::status": self.apt / "status",
                   "Dir::Cache": self.apt, "APT::Get::List-Cleanup": "false", "APT::Sandbox::User": "",
                   "Acquire::Languages": "none", "Acquire::Retries": "3"}
        return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]

    def update(self):
        """Refreshes the lists, at most once a day."""
        stamp = self.apt / "updated"
        wanted = "\n".join(self.source_lines())
        if stamp.exists() and stamp.read_text() == wanted and time.time() - stamp.stat().st_mtime < 86400:
            return
        with step(f"fetching package lists of {self.suite}"):
            run(["apt-get", *self.options(), "update", "--quiet"], LOG)
        stamp.write_text(wanted)

    def ask(self, *argv):
        return subprocess.run([argv[0], *self.options(), *argv[1:]], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL).stdout

    def versions_of(self, *packages):
        """The versions apt would choose, and nothing newer than our lists know. One question, for apt takes its time."""
        self.update()
        found, package = {}, None
        for line in self.ask("apt-cache", "policy", *packages).splitlines():
            if not line.startswith(" "):
                package = line.rstrip(":")
            elif line.strip().startswith("Candidate:"):
                found[package] = line.split()[1]
        for package in packages:
            if found.get(package, "(none)") == "(none)":
                raise LabError(f"{self.suite} has no package {package}")
        return [found[package] for package in packages]

    def version_of(self, package):
        return self.versions_of(package)[0]

    def depends_on(self, package, prefix):
        """The dependency of a metapackage whose name begins with `prefix`."""
        self.update()
        for line in self.ask("apt-cache", "depends", package).splitlines():
            word = line.replace("Depends:", "").strip()
            if "Depends:" in line and word.startswith(prefix):
                return word
        raise LabError(f"{package} depends on nothing called {prefix}*")

    def unpack(self, package, into):
        """Downloads a binary package and unpacks it, without installing anything."""
        self.update()
        archives = self.apt / "archives"
        wanted = f"{package}={self.version_of(package)}"
        name = self.ask("apt-get", "download", "--print-uris", wanted).split()
        if len(name) < 2:
            raise LabError(f"apt cannot download {wanted}")
        deb = archives / name[1]
        if not deb.exists():
            with step(f"downloading {package}"):
                run(["apt-get", *self.options(), "download", wanted], LOG, cwd=archives)
        run(["dpkg-deb", "-x", deb, into], LOG)

    def source_version(self, package):
        self.update()
        versions = [line.split()[1] for line in
                    self.ask("apt-cache", "showsrc", "--only-source", package).splitlines()
                    if line.startswith("Version:")]
        if not versions:
            raise LabError(f"{self.suite} has no source package {package}")
        return versions[-1]

    def unpack_source(self, package, version, into):
        """Leaves the unpacked source as the directory `into`."""
        self.update()
        downloads = self.apt / "source"
        downloads.mkdir(exist_ok=True)
        upstream = version.split(":")[-1]
        dsc = downloads / f"{package}_{upstream}.dsc"
        with step(f"fetching the source of {package} {version}"):
            run(["apt-get", *self.options(), "source", "--download-only", "--only-source", f"{package}={version}"],
                LOG, cwd=downloads)
        if not dsc.exists():
            raise LabError(f"apt fetched no {dsc.name}")
        run(["dpkg-source", "--no-check", "-x", dsc, into], LOG)


BOOKWORM = Archive(HOST_SUITE)
TRIXIE = Archive("trixie")
