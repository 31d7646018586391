# SPDX-License-Identifier: Apache-2.0
"""The service as an administrator has it: installed, under a real systemd in Dom0.

The tests build on each other, in this order; the last one reboots the host.
"""

import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from xenlab.guests import wait_for
from xenlab.progress import LabError

HOST = dict(init="systemd", guests=False, exporter=False, reboots=True)
DEADLINE = 300

UNIT, SOCKET = "xen-stats-exporter.service", "xen-stats-exporter.socket"
EVERYWHERE = "web.listen-address: [':9603']\n"
EXPOSURE_MAX = 2.0

# Stops one thread of a process and holds it until it dies. SIGSTOP would stop them all.
HOLD = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
tid = int(sys.argv[1])
for request in (0x4206, 0x4207):  # PTRACE_SEIZE, PTRACE_INTERRUPT
    if libc.ptrace(request, tid, None, None):
        sys.exit(os.strerror(ctypes.get_errno()))
os.waitpid(tid, 0x40000000)  # __WALL
print("stopped", flush=True)
while True:
    status = os.waitpid(tid, 0x40000000)[1]
    if os.WIFEXITED(status) or os.WIFSIGNALED(status):
        break
"""


def show(lab, name, unit=UNIT):
    return lab.dom0.run("systemctl", "show", "--value", "-p", name, unit).text.strip()


def configuration(lab):
    """The path of the configuration, as the unit has it."""
    return re.search(r"--config\.file=(\S+)", lab.dom0.run("systemctl", "cat", UNIT).text)[1]


def configure(lab, text):
    lab.dom0.sh(f"cat >{configuration(lab)}", input=text.encode())


def systemctl(lab, *words, check=True):
    result = lab.dom0.run("systemctl", *words, check=False, timeout=120)
    if check and result.status:
        journal = lab.dom0.sh(f"journalctl -u {UNIT} -n 40 --no-pager").text
        raise AssertionError(f"{result}\n{journal}")
    return result


def entries(lab, since):
    """What the service said in the journal since a moment, as systemd keeps it."""
    text = lab.dom0.sh(f"journalctl -u {UNIT} -o json --no-pager --since=@{since}").text
    return [json.loads(line) for line in text.splitlines()]


def now(lab):
    return int(lab.dom0.run("date", "+%s").text)


def fetch(lab, path="metrics", host="127.0.0.1"):
    """A page as Dom0 itself gets it."""
    return lab.dom0.run("curl", "-sSf", "--max-time", "60", f"http://{host}:9603/{path}", timeout=90).text


def reloaded(lab):
    return float(re.search(r"^xen_exporter_config_last_reload_successful (\S+)$", fetch(lab), re.M)[1])


def domains(lab):
    return len(lab.dom0.run("xl", "list").text.splitlines()) - 1


def status_is_right(lab):
    count = domains(lab)
    return show(lab, "StatusText") == f"Serving {count} domain{'' if count == 1 else 's'} from pages"


def install(lab):
    """What `meson install` makes of the build, unpacked in Dom0 with the libraries that it lacks there."""
    build = Path(lab.binary).resolve().parents[1]
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild"], check=True, capture_output=True,
                       env={**os.environ, "DESTDIR": root})
        subprocess.run(["tar", "--owner=0", "--group=0", "-C", root, "-cf", lab.machine.share / "install.tar", "."],
                       check=True)
    lab.dom0.sh("tar -C / --keep-directory-symlink --no-overwrite-dir -xf /share/install.tar && "
                "mkdir -p /usr/local/lib && cp -n /tmp/exporter/lib/* /usr/local/lib/ && ldconfig")


def test_it_is_installed_and_starts(lab):
    # Catches: a unit that lacks a right the daemon needs on a real Xen, a READY that never comes.
    install(lab)
    # The lab's own unit makes this Linux a Dom0; a distribution's are named in our unit.
    lab.dom0.sh(f"mkdir -p /etc/systemd/system/{UNIT}.d && "
                f"printf '[Unit]\\nAfter=lab-dom0.service\\n' >/etc/systemd/system/{UNIT}.d/lab.conf")
    systemctl(lab, "daemon-reload")
    began = now(lab)
    systemctl(lab, "start", UNIT)
    assert show(lab, "ActiveState") == "active", systemctl(lab, "status", UNIT, check=False)
    wait_for("the status", lambda: status_is_right(lab), patience=60)
    text = fetch(lab)
    assert 'xen_exporter_source_info{source="pages"} 1' in text, text[:1000]
    # By default nobody else gets in: the lab's port leads to another address of Dom0.
    try:
        lab.scrape()
        raise AssertionError("it serves more than the loopback addresses")
    except OSError:
        pass
    said = entries(lab, began)
    source = [e for e in said if e.get("XEN_EXPORTER_SOURCE") == "pages"]
    assert source and source[0]["XEN_EXPORTER_DOMAINS"] == str(domains(lab)) and source[0]["PRIORITY"] == "6", said
    assert any("lets a remote Prometheus in" in e["MESSAGE"] for e in said), said
    status = systemctl(lab, "status", "--no-pager", UNIT).text
    return " | ".join(line.strip() for line in status.splitlines() if re.match(r" *(Active|Status|Loaded):", line))


def test_it_is_hardened(lab):
    # Catches: a directive that this systemd, or this kernel, does not turn into protection.
    text = lab.dom0.run("systemd-analyze", "--no-pager", "security", UNIT, timeout=120).text
    found = re.search(r"Overall exposure level.*: (\d+\.\d+)", text)
    assert found and float(found[1]) <= EXPOSURE_MAX, text
    pid = show(lab, "MainPID")
    status = lab.dom0.run("cat", f"/proc/{pid}/status").text
    for wanted in ("CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert wanted in status, status
    return f"exposure {found[1]}; no capability, no new privileges, a filter of system calls"


def test_a_good_reload(lab):
    # Catches: a reload that restarts, or that systemd sees no end of.
    pid = show(lab, "MainPID")
    configure(lab, EVERYWHERE)
    systemctl(lab, "restart", UNIT)
    assert show(lab, "MainPID") != pid
    assert reloaded(lab) == 1
    pid, began = show(lab, "MainPID"), now(lab)
    configure(lab, EVERYWHERE + "domain-labels: [domid]\n")
    systemctl(lab, "reload", UNIT)
    wait_for("the end of the reload", lambda: show(lab, "ActiveState") == "active", patience=60)
    wait_for("other labels", lambda: re.search(r'^xen_domain_cpu_seconds_total\{domid="0"\} ', fetch(lab), re.M), patience=60)
    assert show(lab, "MainPID") == pid
    assert any(e.get("XEN_EXPORTER_OPTION") == "domain-labels" for e in entries(lab, began))


def test_a_bad_reload(lab):
    # Catches: a daemon that ends with a bad file, or hides that it could not follow it.
    pid, began = show(lab, "MainPID"), now(lab)
    configure(lab, EVERYWHERE + "log.level: loud\n")
    systemctl(lab, "reload", UNIT)
    wait_for("the metric", lambda: reloaded(lab) == 0, patience=60)
    assert show(lab, "MainPID") == pid and show(lab, "ActiveState") == "active"
    assert "the last reload failed" in show(lab, "StatusText"), show(lab, "StatusText")
    said = [e["MESSAGE"] for e in entries(lab, began) if e["PRIORITY"] == "3"]
    assert len(said) == 1 and "config.yml:2: log.level: 'loud': not a level" in said[0], said
    configure(lab, EVERYWHERE)
    systemctl(lab, "reload", UNIT)
    wait_for("the metric", lambda: reloaded(lab) == 1, patience=60)
    assert show(lab, "MainPID") == pid
    return said[0]


def threads(lab):
    """The names of the running daemon's threads, and their ids."""
    pid = show(lab, "MainPID")
    found = lab.dom0.sh(f"cd /proc/{pid}/task && for t in *; do echo $t $(cat $t/comm); done").text
    ids = {"loop": pid}
    for tid, name in sorted((line.split(maxsplit=1) for line in found.splitlines()), key=lambda words: int(words[0])):
        if tid != pid:
            ids.setdefault(name, tid)  # libxenstore's own thread is a child of ours and has its name
    return ids


def test_a_stopped_thread_ends_in_a_restart(lab):
    # Catches: a daemon that counts as alive while half of it stands still.
    names = sorted(threads(lab))
    assert len(names) >= 4, names
    took = []
    for name in names if lab.long else ("xenstore",):
        pid, restarts, began = show(lab, "MainPID"), int(show(lab, "NRestarts")), now(lab)
        tid = threads(lab)[name]
        lab.dom0.sh("cat >/tmp/hold.py && rm -f /tmp/hold.log", input=HOLD.encode())
        lab.dom0.sh(f"setsid python3 /tmp/hold.py {tid} </dev/null >/tmp/hold.log 2>&1 &")
        wait_for(f"{name} standing still", lambda: lab.dom0.sh("cat /tmp/hold.log", check=False).text == "stopped\n", patience=60)
        wait_for(f"a restart because {name} stands still", lambda: int(show(lab, "NRestarts")) == restarts + 1, patience=120)
        wait_for("the new one", lambda: show(lab, "ActiveState") == "active", patience=60)
        took.append(f"{name} {now(lab) - began} s")
        assert show(lab, "MainPID") not in (pid, "0")
        wait_for("the journal", lambda: any("watchdog" in e["MESSAGE"].lower() for e in entries(lab, began)), patience=60)
        said = [e["MESSAGE"] for e in entries(lab, began)]
        if name != "loop":  # which cannot speak of itself
            assert any("thread stands still" in m for m in said), said
        fetch(lab)
    return f"threads {', '.join(names)}; stopped: {', '.join(took)} until it served again"


def test_it_stops_at_once(lab):
    # Catches: a stop that waits for clients that hang, or that systemd must force.
    hang = ("import socket, sys, time\n"
            "held = []\n"
            "for request in (b'', b'GET /met', b'GET /metrics HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' * 40):\n"
            "    for _ in range(5):\n"
            "        s = socket.create_connection(('127.0.0.1', 9603)); s.sendall(request); held.append(s)\n"
            "print('held', flush=True)\n"
            "time.sleep(60)\n")
    lab.dom0.sh("cat >/tmp/hang.py && rm -f /tmp/hang.log", input=hang.encode())
    lab.dom0.sh("setsid python3 /tmp/hang.py </dev/null >/tmp/hang.log 2>&1 & echo $! >/tmp/hang.pid")
    wait_for("clients that hang", lambda: lab.dom0.sh("cat /tmp/hang.log", check=False).text == "held\n", patience=30)
    began = now(lab)
    systemctl(lab, "stop", UNIT)
    assert show(lab, "ActiveState") == "inactive" and show(lab, "Result") == "success", systemctl(lab, "status", UNIT, check=False)
    lab.dom0.sh("kill $(cat /tmp/hang.pid)", check=False)
    wait_for("the journal", lambda: any(e["MESSAGE"].startswith("Stopped") for e in entries(lab, began)), patience=60)
    stamps = [int(e["__REALTIME_TIMESTAMP"]) for e in entries(lab, began)
              if e["MESSAGE"].startswith(("Stopping", "Stopped"))]
    assert len(stamps) == 2, entries(lab, began)
    took = (stamps[1] - stamps[0]) / 1e6
    assert took < 5, took  # far below the promised second but for what emulation adds
    return f"{took * 1000:.0f} ms, as the journal has it"


def test_a_socket_unit_starts_it(lab):
    # Catches: a socket unit whose first client waits for ever.
    configure(lab, "web.systemd-socket: true\n")
    systemctl(lab, "start", SOCKET)
    assert show(lab, "ActiveState") == "inactive"
    assert "xen_exporter_source_info" in fetch(lab)
    assert show(lab, "ActiveState") == "active"
    fetch(lab, "-/healthy", "[::1]")
    systemctl(lab, "stop", SOCKET, UNIT)


def test_it_is_there_after_a_reboot(lab):
    # Catches: a unit that is not started at boot, or comes before the Xen that it needs and gives up.
    configure(lab, EVERYWHERE)
    systemctl(lab, "enable", UNIT)
    boot = lab.dom0.run("cat", "/proc/sys/kernel/random/boot_id").text
    lab.dom0.run("systemctl", "--no-block", "reboot", check=False)

    def another_boot():
        try:
            return lab.dom0.run("cat", "/proc/sys/kernel/random/boot_id", timeout=5).text != boot
        except (LabError, OSError):
            return False

    began = time.monotonic()
    wait_for("another boot", another_boot, patience=200)
    wait_for("the service", lambda: show(lab, "ActiveState") == "active", patience=60)
    wait_for("the status", lambda: status_is_right(lab), patience=60)
    (labels, _), = lab.scrape().family("xen_exporter_source_info")
    assert labels["source"] == "pages", labels
    return f"served {time.monotonic() - began:.0f} s after the reboot was asked for"
