"""What the benchmarks and the soak share: a daemon that speaks LXD's API on a Unix socket, and looks into /proc.

Only Python's standard library is needed.
"""
import http.client
import json
import socket
import struct
import sys
import time


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(300)
        self.sock.connect(self.path)


class Daemon:
    """One daemon: its name, its socket, one connection that stays open."""

    def __init__(self, name, path):
        self.name, self.path = name, path
        self.connection = UnixConnection(path)

    def raw(self, method, url, body=None, headers=None):
        """Sends a request: bytes as they are, anything else as JSON."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = headers or ({"Content-Type": "application/json"} if data else {})
        for last in (False, True):
            try:
                self.connection.request(method, url, data, headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                self.connection.close()
                self.connection = UnixConnection(self.path)
                if last:
                    raise

    def call(self, method, url, body=None):
        """Sends a request, waits for its operation if there is one, answers the metadata."""
        _, text = self.raw(method, url, body)
        return self.finish(text, f"{method} {url}")

    def finish(self, text, what="request"):
        """Reads an answer, waits for its operation if there is one, answers the metadata."""
        reply = json.loads(text)
        if reply["type"] == "error":
            raise RuntimeError(f"{self.name}: {what}: {reply['error']}")
        if reply["type"] != "async":
            return reply["metadata"]
        _, text = self.raw("GET", reply["operation"] + "/wait")
        operation = json.loads(text)["metadata"]
        if operation["status_code"] != 200:
            raise RuntimeError(f"{self.name}: {what}: {operation['err']}")
        return operation

    def pid(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
            return struct.unpack("3i", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def launch(self, name, image, **more):
        self.call("POST", "/1.0/instances", {"name": name, "source": {"type": "image", "alias": image}, **more})
        self.change(name, "start")

    def change(self, name, action, force=False):
        self.call("PUT", f"/1.0/instances/{name}/state", {"action": action, "force": force, "timeout": 30})

    def execute(self, name, *command):
        body = {"command": list(command), "environment": {}, "wait-for-websocket": False, "interactive": False}
        return self.call("POST", f"/1.0/instances/{name}/exec", body)["metadata"]["return"]

    def push(self, name, path, data):
        headers = {"Content-Type": "application/octet-stream", "X-LXD-type": "file", "X-LXD-uid": "0", "X-LXD-gid": "0", "X-LXD-mode": "0644"}
        _, text = self.raw("POST", f"/1.0/instances/{name}/files?path={path}", data, headers)
        return self.finish(text, f"push of {path}")

    def state(self, name):
        return self.call("GET", f"/1.0/instances/{name}/state")

    def address(self, name):
        for interface in (self.state(name)["network"] or {}).values():
            for address in interface["addresses"]:
                if address["family"] == "inet" and address["scope"] == "global":
                    return address["address"]
        return None

    def remove(self, name):
        try:
            if self.state(name)["pid"] > 0:
                self.change(name, "stop", force=True)
            self.call("DELETE", f"/1.0/instances/{name}")
        except RuntimeError as error:
            print(error, file=sys.stderr)


def until(condition, limit=120):
    """Asks every 5 ms until the condition holds; a figure that never comes is an error."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("a condition did not come true in time")
        time.sleep(0.005)


def field(path, name):
    """A number in KiB of a /proc file, as MiB."""
    with open(path) as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
    raise RuntimeError(f"{path} has no {name}")


def parent(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def booted(daemon, name):
    """Waits until systemd says that the system runs."""
    until(lambda: daemon.execute(name, "systemctl", "is-system-running", "--wait") == 0)
