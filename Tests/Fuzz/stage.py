"""What scripts/fuzz-api works on: a lexd with things that have names, and a look at what is left of it afterwards.

    stage.py SOCKET prepare PID LEXD_DIR TAG NOTE IMAGE OPENAPI NAMED
                        makes things, notes how lexd is, and writes a document that names the things
    stage.py SOCKET keep
                        makes anew, until it is ended, what the fuzzer has deleted
    stage.py SOCKET check PID LEXD_DIR TAG NOTE
                        says what is wrong with lexd and with this machine, and ends with 1 then

Schemathesis invents the names in paths, and behind a name that is not there lies nothing but a 404. The document for it
therefore has, for every name, that of something real as one of two choices.
"""

import http.client
import json
import os
import socket
import sys
import time

INSTANCE = "target"
# Nobody tells the fuzzer its name: whatever happens beside it, it runs on.
BYSTANDER = "bystander"
PROFILE, PROJECT, ACL, VOLUME, SNAPSHOT, NETWORK = "fuzzed", "fuzzed", "fuzzed", "fuzzed", "s0", "lxfuzz0"
# No host in it is real (RFC 5737).
FORWARD = "198.51.100.7"
# Of a debugging build after minutes of nonsense.
MOST_MEMORY = 400 << 20
# Above what it had before the fuzzer came.
MOST_DESCRIPTORS = 40
VOLUMES = "/1.0/storage-pools/default/volumes"


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("lexd", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(self.path)


class Server:
    def __init__(self, path):
        self.path = path

    def ask(self, method, path, body=None, headers=None):
        """The answer, and what became of its operation: the status and the metadata."""
        connection = Connection(self.path)
        try:
            data = json.dumps(body) if isinstance(body, dict) else body
            connection.request(method, path, data, headers or {})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        said = json.loads(text) if text else {}
        if answer.status != 202:
            return answer.status, said.get("metadata") if answer.status < 300 else said.get("error")
        status, operation = self.ask("GET", said["operation"] + "/wait?timeout=60")
        if status != 200:
            return status, operation
        return operation["status_code"], operation["metadata"] if operation["status_code"] == 200 else operation["err"]

    def must(self, method, path, body=None, headers=None):
        status, said = self.ask(method, path, body, headers)
        if status not in (200, 201):
            sys.exit("stage.py: %s %s: %s %s" % (method, path, status, said))
        return said

    def has(self, path):
        return self.ask("GET", path)[0] == 200

    def fingerprint(self):
        status, alias = self.ask("GET", "/1.0/images/aliases/small")
        return alias["target"] if status == 200 else None


def launch(server, name):
    server.ask("POST", "/1.0/instances", {"name": name, "source": {"type": "image", "alias": "small"}})
    server.ask("PUT", "/1.0/instances/%s/state" % name, {"action": "start", "timeout": 30})


def make(server, image=None):
    """Makes what is missing."""
    if not server.fingerprint() and image is not None:
        with open(image, "rb") as file:
            # It may be there without its name.
            _, made = server.ask("POST", "/1.0/images", file.read(), {"X-LXD-filename": "small.tar"})
        if isinstance(made, dict):
            server.ask("POST", "/1.0/images/aliases", {"name": "small", "target": made["fingerprint"]})
    instance = "/1.0/instances/" + INSTANCE
    if not server.has(instance):
        launch(server, INSTANCE)
    if not server.has("%s/snapshots/%s" % (instance, SNAPSHOT)):
        server.ask("POST", instance + "/snapshots", {"name": SNAPSHOT})
    if not server.has("%s/custom/%s" % (VOLUMES, VOLUME)):
        server.ask("POST", VOLUMES + "/custom", {"name": VOLUME})
    if not server.has("%s/custom/%s/snapshots/%s" % (VOLUMES, VOLUME, SNAPSHOT)):
        server.ask("POST", "%s/custom/%s/snapshots" % (VOLUMES, VOLUME), {"name": SNAPSHOT})
    if not server.has("/1.0/networks/" + NETWORK):
        server.ask("POST", "/1.0/networks", {"name": NETWORK, "config": {"ipv6.address": "none"}})
    if not server.has("/1.0/networks/%s/forwards/%s" % (NETWORK, FORWARD)):
        server.ask("POST", "/1.0/networks/%s/forwards" % NETWORK, {"listen_address": FORWARD})
    for kind, name in (("profiles", PROFILE), ("projects", PROJECT), ("network-acls", ACL)):
        if not server.has("/1.0/%s/%s" % (kind, name)):
            server.ask("POST", "/1.0/" + kind, {"name": name})


def names(path, parameter, fingerprint):
    """The names of real things that can stand in a place of a path."""
    kind = path.split("/")[2]
    if parameter == "name":
        if path.startswith("/1.0/images/aliases/"):
            return ["small"]
        return {
            "instances": [INSTANCE], "networks": [NETWORK], "network-acls": [ACL], "profiles": [PROFILE],
            "projects": [PROJECT], "storage-pools": ["default"],
        }.get(kind, [])
    return {
        "fingerprint": [fingerprint], "snapshot": [SNAPSHOT], "file": ["lxc.log", "console.log"], "pool": ["default"],
        "network": [NETWORK], "address": [FORWARD], "type": ["custom"], "volume": [VOLUME],
    }.get(parameter, [])


def named(document, fingerprint):
    # A wait lasts as long as who asks wants; and one request that stops everything leaves no bystander.
    document["paths"].pop("/1.0/operations/{id}/wait")
    document["paths"]["/1.0/instances"].pop("put")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                real = names(path, parameter["name"], fingerprint) if parameter["in"] == "path" else []
                if real:
                    parameter["schema"] = {"anyOf": [{"enum": real}, parameter["schema"]]}
                    parameter["example"] = real[0]
    return document


def prepare(server, image, openapi, output):
    make(server, image)
    launch(server, BYSTANDER)
    for name in (INSTANCE, BYSTANDER):
        state = server.must("GET", "/1.0/instances/%s/state" % name)
        if state["status"] != "Running":
            sys.exit("stage.py: %s is %s" % (name, state["status"]))
    with open(openapi, encoding="utf-8") as file:
        document = named(json.load(file), server.fingerprint())
    with open(output, "w", encoding="utf-8") as file:
        json.dump(document, file)
    for path in ("/1.0/networks/%s/forwards/%s" % (NETWORK, FORWARD), "%s/custom/%s/snapshots/%s" % (
            VOLUMES, VOLUME, SNAPSHOT), "/1.0/instances/%s/snapshots/%s" % (INSTANCE, SNAPSHOT)):
        server.must("GET", path)


def keep(server):
    while True:
        try:
            make(server)
        except (OSError, ValueError, http.client.HTTPException):
            pass
        time.sleep(1)


def descriptors(pid):
    return len(os.listdir("/proc/%s/fd" % pid))


def memory(pid):
    with open("/proc/%s/status" % pid, encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS:"))


def links(tag, kind):
    found = []
    for link in os.listdir("/sys/class/net"):
        try:
            with open("/sys/class/net/%s/ifalias" % link, encoding="utf-8") as file:
                if file.read().startswith("%s %s " % (tag, kind)):
                    found.append(link)
        except OSError:
            pass
    return sorted(found)


def mounts(directory, tag):
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        places = [line.split()[1] for line in file]
    return sorted(place for place in places if place.startswith((directory + "/", "/run/%s/" % tag)))


def check(server, pid, directory, tag, before):
    wrong = []
    # What was begun and is not waited for any more ends by itself; a command waits five seconds for who asked.
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        operations = server.must("GET", "/1.0/operations")
        if not operations and descriptors(pid) <= before["descriptors"] + MOST_DESCRIPTORS:
            break
        time.sleep(1)
    now = descriptors(pid)
    if now > before["descriptors"] + MOST_DESCRIPTORS:
        wrong.append("it has %d descriptors, before it had %d" % (now, before["descriptors"]))
    if memory(pid) > MOST_MEMORY:
        wrong.append("it has %d MiB of memory" % (memory(pid) >> 20))
    state = server.must("GET", "/1.0/instances/%s/state" % BYSTANDER)
    if state["status"] != "Running" or state["pid"] != before["pid"]:
        wrong.append("%s is %s as %d, and was %d" % (BYSTANDER, state["status"], state["pid"], before["pid"]))
    print("fuzz-api: lexd has %d MiB and %d descriptors (%d before)" % (
        memory(pid) >> 20, now, before["descriptors"]))

    # Without instances there is nothing of them.
    for instance in server.must("GET", "/1.0/instances?recursion=1&all-projects=true"):
        path = "/1.0/instances/" + instance["name"]
        project = "?project=" + instance["project"]
        server.ask("PUT", path + "/state" + project, {"action": "stop", "force": True, "timeout": 30})
        server.ask("PATCH", path + project, {"config": {"security.protection.delete": "false"}})
        status, said = server.ask("DELETE", path + project)
        # An ephemeral one has gone with its stop.
        if status not in (200, 404):
            wrong.append("%s of %s cannot be deleted: %s" % (instance["name"], instance["project"], said))
    left = links(tag, "nic") + links(tag, "vlan")
    if left:
        wrong.append("links are left: %s" % " ".join(left))
    networks = {network["name"] for network in server.must("GET", "/1.0/networks?recursion=1") if network["managed"]}
    strange = set(links(tag, "network")) - networks
    if strange:
        wrong.append("links of no network: %s" % " ".join(sorted(strange)))
    if mounts(directory, tag) != before["mounts"]:
        wrong.append("mounts: %s; before: %s" % (mounts(directory, tag), before["mounts"]))
    for sentence in wrong:
        print("fuzz-api: " + sentence, file=sys.stderr)
    return 1 if wrong else 0


def main():
    server = Server(sys.argv[1])
    what, rest = sys.argv[2], sys.argv[3:]
    if what == "prepare":
        pid, directory, tag, note, image, openapi, output = rest
        before = {"mounts": mounts(directory, tag)}
        prepare(server, image, openapi, output)
        before["descriptors"] = descriptors(pid)
        before["pid"] = server.must("GET", "/1.0/instances/%s/state" % BYSTANDER)["pid"]
        with open(note, "w", encoding="utf-8") as file:
            json.dump(before, file)
    elif what == "keep":
        keep(server)
    elif what == "check":
        pid, directory, tag, note = rest
        with open(note, encoding="utf-8") as file:
            before = json.load(file)
        sys.exit(check(server, pid, directory, tag, before))
    else:
        sys.exit("stage.py: there is no " + what)


main()
