#!/usr/bin/env python3
"""Times the same work on lexd and on other daemons that speak LXD's API, in turn, in one run.

usage: side_by_side.py [options] NAME=SOCKET [NAME=SOCKET ...]

The first daemon named is the one the others are compared with. Each must have the image under the alias given by
--image (a Debian with systemd) and a default profile that can start it, and a small one under that given by --small. Only Python's standard library is needed.

Prints one row per figure: median and p95 of each daemon, the ratio of the medians to the first, and, for the first,
whether it keeps the aim written beside the row.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

from daemon import Daemon, booted, field, parent, until


def milliseconds(work):
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


class Figures:
    """Measured values by row and daemon, in the order the rows came."""

    def __init__(self):
        self.rows = {}

    def add(self, row, daemon, value):
        self.rows.setdefault(row, {}).setdefault(daemon.name, []).append(value)

    def time(self, row, daemon, work):
        self.add(row, daemon, milliseconds(work))


# What lexd has set itself, by row; the rows without one are only printed.
AIMS = {
    "launch from cached image (ms)": 100,
    "start (ms)": 70,
    "exec, warm (ms)": 12,
    "exec, after 2 s idle (ms)": 22,
    "config update, live (ms)": 6,
    "hot-plug of a disk (ms)": 25,
    "push of a small file (ms)": 12,
    "forced stop of a booted Debian (ms)": 120,
    "state (ms)": 4,
    "snapshot of a stopped Debian (ms)": 20,
    "restore of a stopped Debian (ms)": 40,
    "copy of a stopped Debian (ms)": 30,
    "delete (ms)": 30,
    "create empty (ms)": 10,
    "profile edit on 20 running (ms)": 100,
    "list of 300 running, recursion=2 (ms)": 120,
    "list of 200 stopped, recursion=2 (ms)": 25,
    "list of 20 running, recursion=2 (ms)": 25,
    "daemon RSS after this work (MiB)": 70,
    "monitor PSS, mean of 20 (MiB)": 2.5,
}


def one_round(daemon, image, name, figures):
    figures.time("launch from cached image (ms)", daemon, lambda: daemon.launch(name, image))
    begin = time.perf_counter()
    until(lambda: daemon.address(name))
    figures.add("launch to IPv4 address (ms)", daemon, (time.perf_counter() - begin) * 1000 + figures.rows["launch from cached image (ms)"][daemon.name][-1])
    booted(daemon, name)
    figures.add("launch to \"running\" (ms)", daemon, (time.perf_counter() - begin) * 1000 + figures.rows["launch from cached image (ms)"][daemon.name][-1])
    daemon.execute(name, "true")
    for _ in range(5):
        figures.time("exec, warm (ms)", daemon, lambda: daemon.execute(name, "true"))
        figures.time("state (ms)", daemon, lambda: daemon.state(name))
    # The pause is what is measured: the kernel's first write to cgroup.procs after one waits for RCU.
    time.sleep(2)
    figures.time("exec, after 2 s idle (ms)", daemon, lambda: daemon.execute(name, "true"))
    figures.time("config update, live (ms)", daemon, lambda: daemon.call("PATCH", f"/1.0/instances/{name}", {"config": {"limits.processes": "500"}}))
    devices = daemon.call("GET", f"/1.0/instances/{name}")["devices"]
    disk = {"type": "disk", "source": "/srv", "path": "/mnt/srv"}
    figures.time("hot-plug of a disk (ms)", daemon, lambda: daemon.call("PATCH", f"/1.0/instances/{name}", {"devices": {**devices, "srv": disk}}))
    for turn in range(5):
        figures.time("push of a small file (ms)", daemon, lambda: daemon.push(name, f"/root/{turn}", b"small\n"))
    figures.time("forced stop of a booted Debian (ms)", daemon, lambda: daemon.change(name, "stop", force=True))
    figures.time("start (ms)", daemon, lambda: daemon.change(name, "start"))
    booted(daemon, name)
    figures.time("clean stop of a booted Debian (ms)", daemon, lambda: daemon.change(name, "stop"))
    figures.time("snapshot of a stopped Debian (ms)", daemon, lambda: daemon.call("POST", f"/1.0/instances/{name}/snapshots", {"name": "first"}))
    figures.time("restore of a stopped Debian (ms)", daemon, lambda: daemon.call("PUT", f"/1.0/instances/{name}", {"restore": "first"}))
    daemon.call("DELETE", f"/1.0/instances/{name}/snapshots/first")
    # LXD does not take the profiles of what is copied unless it is told them, as lxc does.
    copy = {"name": name + "-copy", "profiles": ["default"], "source": {"type": "copy", "source": name}}
    figures.time("copy of a stopped Debian (ms)", daemon, lambda: daemon.call("POST", "/1.0/instances", copy))
    daemon.call("DELETE", f"/1.0/instances/{name}-copy")
    figures.time("delete (ms)", daemon, lambda: daemon.call("DELETE", f"/1.0/instances/{name}"))
    empty = {"name": name, "source": {"type": "none"}}
    figures.time("create empty (ms)", daemon, lambda: daemon.call("POST", "/1.0/instances", empty))
    daemon.call("DELETE", f"/1.0/instances/{name}")


def lists(daemon, image, figures, tag):
    stopped = [f"{tag}-s{i}" for i in range(200)]
    running = [f"{tag}-r{i}" for i in range(20)]
    try:
        for name in stopped:
            daemon.call("POST", "/1.0/instances", {"name": name, "source": {"type": "none"}})
        for _ in range(21):
            for recursion in (0, 1, 2):
                figures.time(f"list of 200 stopped, recursion={recursion} (ms)", daemon, lambda: daemon.raw("GET", f"/1.0/instances?recursion={recursion}"))
        for name in stopped:
            daemon.remove(name)
        for name in running:
            daemon.launch(name, image)
        for name in running:
            booted(daemon, name)
        for _ in range(21):
            figures.time("list of 20 running, recursion=2 (ms)", daemon, lambda: daemon.raw("GET", "/1.0/instances?recursion=2"))
        daemon.call("POST", "/1.0/profiles", {"name": tag})
        for name in running:
            daemon.call("PATCH", f"/1.0/instances/{name}", {"profiles": ["default", tag]})
        for turn in range(11):
            change = {"config": {"limits.processes": str(1000 + turn)}}
            figures.time("profile edit on 20 running (ms)", daemon, lambda: daemon.call("PUT", f"/1.0/profiles/{tag}", change))
        monitors = [field(f"/proc/{parent(daemon.state(name)['pid'])}/smaps_rollup", "Pss") for name in running]
        figures.add("monitor PSS, mean of 20 (MiB)", daemon, statistics.mean(monitors))
    finally:
        for name in running + stopped:
            if daemon.raw("GET", f"/1.0/instances/{name}")[0] == 200:
                daemon.remove(name)
        daemon.raw("DELETE", f"/1.0/profiles/{tag}")


def many(daemon, image, figures, count, tag):
    names = [f"{tag}-m{i}" for i in range(count)]
    before = field("/proc/meminfo", "MemAvailable")
    try:
        for name in names:
            last = milliseconds(lambda: daemon.launch(name, image))
        figures.add(f"launch of the {count}th Debian (ms)", daemon, last)
        for name in names:
            booted(daemon, name)
        figures.add(f"host memory of each of {count} Debians (MiB)", daemon, (before - field("/proc/meminfo", "MemAvailable")) / count)
    finally:
        for name in names:
            daemon.remove(name)


def crowd(daemon, image, figures, count, tag):
    """Many small ones, on a network with addresses for all of them."""
    names = [f"{tag}-c{i}" for i in range(count)]
    network = f"wide{os.getpid() % 10000}"
    daemon.call("POST", "/1.0/networks", {"name": network, "type": "bridge", "config": {"ipv4.address": "10.213.16.1/20", "ipv6.address": "none"}})
    devices = {"eth0": {"type": "nic", "network": network}}
    try:
        for name in names:
            daemon.launch(name, image, devices=devices)
        for name in names:
            until(lambda: daemon.address(name))
        for _ in range(21):
            figures.time(f"list of {count} running, recursion=2 (ms)", daemon, lambda: daemon.raw("GET", "/1.0/instances?recursion=2"))
    finally:
        for name in names:
            daemon.remove(name)
        daemon.call("DELETE", f"/1.0/networks/{network}")


def client(daemon, image, figures, program, variable):
    environment = {"PATH": os.environ["PATH"], "HOME": "/root", variable: os.path.dirname(daemon.path)}
    for _ in range(20):
        figures.time("list as a process: lx, lxc (ms)", daemon, lambda: subprocess.run([program, "list"], env=environment, check=True, stdout=subprocess.DEVNULL))
    name = f"push{os.getpid()}"
    daemon.launch(name, image)
    try:
        booted(daemon, name)
        for _ in range(20):
            figures.time("file push as a process: lx, lxc (ms)", daemon, lambda: subprocess.run([program, "file", "push", "/etc/hostname", f"{name}/root/pushed"], env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    finally:
        daemon.remove(name)


def show(figures, daemons):
    first = daemons[0].name
    print(f"{'':44s}" + "".join(f"{d.name + ' median':>16s}{'p95':>10s}" for d in daemons) + "".join(f"{d.name + '/' + first:>14s}" for d in daemons[1:]) + f"{'aim':>8s}")
    missed = 0
    for row, values in figures.rows.items():
        line = f"{row:44s}"
        medians = {}
        for daemon in daemons:
            found = sorted(values.get(daemon.name, []))
            if not found:
                line += f"{'-':>16s}{'-':>10s}"
                continue
            medians[daemon.name] = statistics.median(found)
            p95 = found[min(len(found) - 1, round(0.95 * (len(found) - 1)))]
            line += f"{medians[daemon.name]:16.2f}{p95:10.2f}"
        for daemon in daemons[1:]:
            ratio = medians[daemon.name] / medians[first] if first in medians and daemon.name in medians and medians[first] else float("nan")
            line += f"{ratio:14.2f}"
        if row in AIMS and first in medians:
            kept = medians[first] <= AIMS[row]
            missed += not kept
            line += f"{AIMS[row]:8g} {'kept' if kept else 'MISSED'}"
        print(line)
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-n", type=int, default=20, help="rounds of launch, exec, stop, start, delete on each daemon")
    parser.add_argument("--image", default="bench", help="the alias of the Debian image")
    parser.add_argument("--many", type=int, default=50, help="how many Debians run at once at the end; 0 for none")
    parser.add_argument("--small", default="small", help="the alias of the small image")
    parser.add_argument("--crowd", type=int, default=300, help="how many small ones the first daemon runs at once; 0 for none")
    parser.add_argument("--lx", help="the path of lx, to time it beside lxc")
    parser.add_argument("daemons", nargs="+", metavar="NAME=SOCKET")
    arguments = parser.parse_args()
    daemons = [Daemon(*text.split("=", 1)) for text in arguments.daemons]
    tag = f"bench{os.getpid()}"
    figures = Figures()
    for number in range(arguments.n + 1):
        for daemon in daemons:
            # The first round warms caches and is not counted.
            one_round(daemon, arguments.image, f"{tag}-{number}", Figures() if number == 0 else figures)
    for daemon in daemons:
        for _ in range(500):
            figures.time("GET /1.0 (ms)", daemon, lambda: daemon.raw("GET", "/1.0"))
    for daemon in daemons:
        lists(daemon, arguments.image, figures, tag)
    for daemon in daemons:
        if daemon is daemons[0] and arguments.lx:
            client(daemon, arguments.image, figures, arguments.lx, "LEXD_DIR")
        else:
            client(daemon, arguments.image, figures, "lxc", "LXD_DIR")
    for daemon in daemons:
        figures.add("daemon RSS after this work (MiB)", daemon, field(f"/proc/{daemon.pid()}/status", "VmRSS"))
    if arguments.many:
        for daemon in daemons:
            many(daemon, arguments.image, figures, arguments.many, tag)
    # Only on the first: others take many minutes for it.
    if arguments.crowd:
        crowd(daemons[0], arguments.small, figures, arguments.crowd, tag)
    return show(figures, daemons)


if __name__ == "__main__":
    # A missed aim is reported in its row; it does not make the run fail.
    main()
