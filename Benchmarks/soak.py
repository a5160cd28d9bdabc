#!/usr/bin/env python3
"""Works a lexd for long and sees that nothing is left: memory, descriptors, mounts, links, control groups, processes.

usage: soak.py --lexd PROGRAM --directory LEXD_DIR --image FILE [--debian FILE] [options]

Starts lexd itself, since it also kills it. Four parts, each counted by its option and left out with 0:

  launches  instances launched and deleted again
  execs     programs run in five instances that stay
  kills     kill -9 of lexd while instances are made, used and deleted around it; those that run must run on
  crowd     Debians and busyboxes running together

After the first tenth of the launches, and of the execs, what lexd holds is noted; at their end it may hold a tenth more
memory and nothing else more. At the very end everything is deleted, lexd is ended, and the machine must be as it was.
"""
import argparse
import collections
import contextlib
import http.client
import os
import random
import signal
import subprocess
import sys
import threading
import time

from daemon import Daemon, booted, field, until

GONE = (OSError, http.client.HTTPException, RuntimeError, ValueError)


class Lexd:
    """The daemon that is worked: started, killed and started again."""

    def __init__(self, program, directory):
        self.program, self.directory = program, directory
        self.socket = f"{directory}/unix.socket"
        self.process = None

    def start(self):
        environment = {**os.environ, "LEXD_DIR": self.directory}
        with open(f"{self.directory}/lexd.log", "ab") as log:
            self.process = subprocess.Popen([self.program, "--verbose", "--bare"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        subprocess.run([self.program, "waitready", "--timeout=60"], env=environment, check=True)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(120) != 0:
            raise RuntimeError(f"lexd ended with {self.process.returncode}")

    def client(self):
        return Daemon("lexd", self.socket)

    def holds(self):
        """What the daemon itself holds."""
        pid = self.process.pid
        return {
            "rss": field(f"/proc/{pid}/status", "VmRSS"),
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "children": len(open(f"/proc/{pid}/task/{pid}/children").read().split()),
            "threads": len(os.listdir(f"/proc/{pid}/task")),
        }


class Machine:
    """What on the machine belongs to the lexd of one directory; others may work there meanwhile."""

    def __init__(self, directory):
        self.directory = directory
        self.tag = subprocess.run(["bash", "-eu", "-c", '. scripts/lib.bash; lexd_tag "$1"', "soak", directory], check=True, capture_output=True, text=True).stdout.strip()
        with open("/proc/self/mounts") as file:
            self.roots = sorted({line.split()[1] for line in file if line.split()[2] in ("cgroup", "cgroup2")})

    def holds(self):
        """Numbers: names change from one instance to the next."""
        with open("/proc/self/mounts") as file:
            points = [line.split()[1] for line in file]
        groups = processes = 0
        for root in self.roots:
            for path, directories, files in os.walk(root):
                if path == root:
                    # One, liblxc's way station, stays until the machine is started anew.
                    directories[:] = [name for name in directories if name.startswith(self.tag + ".") and name != self.tag + ".pivot"]
                else:
                    groups += 1
        for pid in filter(str.isdigit, os.listdir("/proc")):
            processes += self.owns(pid)
        return {
            "mounts": sum(point.startswith((self.directory + "/", f"/run/{self.tag}/")) for point in points),
            "links": sum(self.alias(name).startswith(self.tag + " ") for name in os.listdir("/sys/class/net")),
            "control groups": groups,
            "processes": processes,
            "locks of liblxc": sum(len(files) for _, _, files in os.walk(f"/run/lxc/lock/run/{self.tag}")),
        }

    def alias(self, link):
        try:
            with open(f"/sys/class/net/{link}/ifalias") as file:
                return file.read()
        except OSError:
            return ""

    def owns(self, pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                arguments = file.read()
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read().split(b"\0")
            with open(f"/proc/{pid}/cgroup") as file:
                groups = file.read()
        except OSError:
            return False
        program = os.path.basename(arguments.split(b"\0")[0])
        if program in (b"dnsmasq",) and f"{self.directory}/".encode() in arguments:
            return True
        return f"{self.tag}." in groups or program.startswith(b"lexd") and f"LEXD_DIR={self.directory}".encode() in environment


def settled(look, wanted, limit=30):
    """Looks until nothing is above what is wanted, for what ends by itself: answers what still is above."""
    deadline = time.monotonic() + limit
    while True:
        found = look()
        above = {name: (wanted[name], value) for name, value in found.items() if value > wanted[name]}
        if not above or time.monotonic() > deadline:
            return above
        time.sleep(0.2)


class Soak:
    def __init__(self, lexd, arguments):
        self.lexd, self.arguments = lexd, arguments
        self.machine = Machine(arguments.directory)
        self.faults = []
        self.random = random.Random(arguments.seed)

    def fault(self, text):
        print(f"FAULT: {text}", flush=True)
        self.faults.append(text)

    def in_parallel(self, count, work, workers=2, tenth=None):
        """Does work(client, number) for each number; `tenth` is called once, by itself, after the first tenth."""
        numbers = collections.deque(range(count))
        first = max(1, count // 10)
        began = time.monotonic()

        def worker(limit):
            client = self.lexd.client()
            while not self.stop:
                try:
                    number = numbers.popleft()
                except IndexError:
                    return
                if number >= limit:
                    numbers.appendleft(number)
                    return
                try:
                    work(client, number)
                except Exception as error:
                    self.fault(f"{work.__name__} {number}: {error}")
                    self.stop = len(self.faults) > 20

        self.stop = False
        for limit in (first, count):
            threads = [threading.Thread(target=worker, args=(limit,)) for _ in range(workers)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if limit == first and tenth:
                tenth()
        print(f"  {count} in {time.monotonic() - began:.0f} s", flush=True)

    def watched(self, title, count, work, workers):
        """Works, and compares what lexd and the machine hold after the first tenth and at the end."""
        print(f"{title}: {count}", flush=True)
        noted = {}

        def note():
            noted["lexd"], noted["machine"] = self.lexd.holds(), self.machine.holds()
            print(f"  after a tenth: {noted}", flush=True)

        self.in_parallel(count, work, workers, note)
        wanted = dict(noted["lexd"], rss=noted["lexd"]["rss"] * 1.1)
        # A pool of threads and the websockets' descriptors come and go by a few.
        wanted["threads"] += 2
        wanted["descriptors"] += 2
        for name, (was, now) in settled(self.lexd.holds, wanted).items():
            self.fault(f"{title}: lexd's {name} grew: at most {was:.1f} wanted, {now:.1f} found")
        for name, (was, now) in settled(self.machine.holds, noted["machine"]).items():
            self.fault(f"{title}: {name} of the machine: {was} after a tenth, {now} at the end")
        print(f"  at the end: {self.lexd.holds()}", flush=True)

    # What is done --------------------------------------------------------------------------------------------------

    def launches(self):
        def launch_and_delete(client, number):
            name = f"soak-l{number}"
            client.launch(name, "small")
            client.change(name, "stop", force=True)
            client.call("DELETE", f"/1.0/instances/{name}")

        self.watched("launches and deletes", self.arguments.launches, launch_and_delete, workers=2)

    def execs(self):
        names = [f"soak-e{i}" for i in range(5)]
        client = self.lexd.client()
        for name in names:
            client.launch(name, "small")

        def execute(client, number):
            code = number % 100
            got = client.execute(names[number % len(names)], "sh", "-c", f"exit {code}")
            if got != code:
                raise RuntimeError(f"the program ended with {code}, and {got} was answered")

        self.watched("programs run", self.arguments.execs, execute, workers=3)
        for name in names:
            client.remove(name)

    def kills(self):
        print(f"kills of lexd: {self.arguments.kills}", flush=True)
        began = time.monotonic()
        client = self.lexd.client()
        stays = [f"soak-k{i}" for i in range(4)]
        for name in stays:
            client.launch(name, "small")
        inits = {name: client.state(name)["pid"] for name in stays}
        for number in range(self.arguments.kills):
            self.kill_once(number, stays)
            client = self.lexd.client()
            for name in stays:
                state = client.state(name)
                if state["status"] != "Running" or state["pid"] != inits[name]:
                    self.fault(f"kill {number}: {name} is {state['status']}, pid {state['pid']}, was {inits[name]}")
                    inits[name] = state["pid"]
            for url in client.call("GET", "/1.0/instances"):
                name = url.split("/")[-1]
                if name not in stays:
                    client.remove(name)
            # One that was being made has no record: its name must be free again.
            if client.execute(stays[number % len(stays)], "true") != 0:
                self.fault(f"kill {number}: no program can be run afterwards")
        for name in stays:
            self.lexd.client().remove(name)
        print(f"  {self.arguments.kills} in {time.monotonic() - began:.0f} s", flush=True)

    def kill_once(self, number, stays):
        stop = threading.Event()

        def churn(worker):
            client, turn = self.lexd.client(), 0
            while not stop.is_set():
                name = f"soak-c{number}-{worker}-{turn}"
                turn += 1
                with contextlib.suppress(*GONE):
                    client.launch(name, "small")
                    client.execute(stays[worker % len(stays)], "true")
                    client.change(name, "stop", force=True)
                    client.call("DELETE", f"/1.0/instances/{name}")

        threads = [threading.Thread(target=churn, args=(worker,)) for worker in range(2)]
        for thread in threads:
            thread.start()
        # When it dies is the point: at any moment of what is going on.
        time.sleep(self.random.uniform(0.05, 0.6))
        self.lexd.kill()
        stop.set()
        for thread in threads:
            thread.join()
        self.lexd.start()

    def crowd(self):
        debians = [f"soak-d{i}" for i in range(self.arguments.debians)]
        small = [f"soak-s{i}" for i in range(self.arguments.small)]
        print(f"together: {len(debians)} Debians, {len(small)} busyboxes", flush=True)
        client = self.lexd.client()
        before = field("/proc/meminfo", "MemAvailable")

        def launch(client, number):
            if number < len(debians):
                client.launch(debians[number], "debian")
            else:
                client.launch(small[number - len(debians)], "small")

        self.in_parallel(len(debians) + len(small), launch, workers=2)
        if self.stop:
            return
        for name in debians:
            booted(client, name)
        for name in debians + small:
            until(lambda: client.address(name), limit=180)
        running = [one for one in client.call("GET", "/1.0/instances?recursion=1") if one["status"] == "Running"]
        if len(running) != len(debians) + len(small):
            self.fault(f"only {len(running)} run")
        times = []
        for _ in range(11):
            begin = time.perf_counter()
            client.raw("GET", "/1.0/instances?recursion=2")
            times.append((time.perf_counter() - begin) * 1000)
        used = before - field("/proc/meminfo", "MemAvailable")
        print(f"  all run and have addresses; {used:.0f} MiB of memory; listed in {sorted(times)[5]:.0f} ms; lexd: {self.lexd.holds()}", flush=True)

        def remove(client, number):
            name = (debians + small)[number]
            client.change(name, "stop", force=True)
            client.call("DELETE", f"/1.0/instances/{name}")

        self.in_parallel(len(debians) + len(small), remove, workers=2)

    def run(self):
        before = self.machine.holds()
        self.lexd.start()
        client = self.lexd.client()
        # More addresses than the usual network has: 254 are not enough for the crowd.
        network = f"10.{self.random.randrange(20, 250)}.{16 * self.random.randrange(16)}.1/20"
        client.call("POST", "/1.0/storage-pools", {"name": "default", "driver": "overlay"})
        client.call("POST", "/1.0/networks", {"name": self.machine.tag[-10:] + "b", "type": "bridge", "config": {"ipv4.address": network, "ipv6.address": "none"}})
        client.call("PUT", "/1.0/profiles/default", {"devices": {
            "root": {"type": "disk", "path": "/", "pool": "default"},
            "eth0": {"type": "nic", "network": self.machine.tag[-10:] + "b"},
        }})
        self.upload(client, self.arguments.image, "small")
        if self.arguments.debians:
            self.upload(client, self.arguments.debian, "debian")
        started = self.machine.holds()
        for part in (self.launches, self.execs, self.kills, self.crowd):
            counted = self.arguments.debians + self.arguments.small if part == self.crowd else getattr(self.arguments, part.__name__)
            if counted and not self.faults:
                part()
        client = self.lexd.client()
        left = client.call("GET", "/1.0/instances")
        if left:
            self.fault(f"instances left: {left}")
        for name, (was, now) in settled(self.machine.holds, started).items():
            self.fault(f"{name} of the machine with no instance left: {was} at the beginning, {now} at the end")
        for url in client.call("GET", "/1.0/images"):
            client.call("DELETE", url)
        for name in ("layers", "volumes", "instances"):
            path = f"{self.lexd.directory}/storage-pools/default/{name}"
            if os.path.isdir(path) and os.listdir(path):
                self.fault(f"left in {path}: {os.listdir(path)[:5]}")
        client.call("PUT", "/1.0/profiles/default", {"config": {}, "devices": {}})
        for url in client.call("GET", "/1.0/networks"):
            if client.call("GET", url)["managed"]:
                client.call("DELETE", url)
        self.lexd.end()
        for name, (was, now) in settled(self.machine.holds, before).items():
            self.fault(f"{name} of the machine after lexd has ended: {was} before it, {now} now")

    def upload(self, client, path, alias):
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            client.connection.request("POST", "/1.0/images", file, {"Content-Type": "application/octet-stream", "Content-Length": str(size)})
            client.finish(client.connection.getresponse().read())
        fingerprint = max(client.call("GET", "/1.0/images?recursion=1"), key=lambda image: image["uploaded_at"])["fingerprint"]
        client.call("POST", "/1.0/images/aliases", {"name": alias, "target": fingerprint})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lexd", required=True, help="the program")
    parser.add_argument("--directory", required=True, help="its LEXD_DIR")
    parser.add_argument("--image", required=True, help="the file of a small image")
    parser.add_argument("--debian", help="the file of a Debian image")
    parser.add_argument("--launches", type=int, default=2000)
    parser.add_argument("--execs", type=int, default=20000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--debians", type=int, default=50)
    parser.add_argument("--small", type=int, default=300, help="busyboxes that run together with the Debians")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the moments lexd is killed at")
    arguments = parser.parse_args()
    if arguments.debians and not arguments.debian:
        parser.error("--debians needs --debian FILE")
    print(f"seed {arguments.seed}", flush=True)
    soak = Soak(Lexd(arguments.lexd, arguments.directory), arguments)
    soak.run()
    print(f"{len(soak.faults)} faults", flush=True)
    sys.exit(1 if soak.faults else 0)


if __name__ == "__main__":
    main()
