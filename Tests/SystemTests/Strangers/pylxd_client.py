"""What people do with pylxd, done with the daemon at LXD_DIR. An image "busybox" is there. Fails by an exception."""

import os
import sys
import tempfile

import pylxd
from pylxd.exceptions import LXDAPIException, NotFound

scratch = sys.argv[1]
client = pylxd.Client()
assert client.host_info["api_version"] == "1.0" and client.trusted
assert client.has_api_extension("snapshot_expiry")

# Instances: made, started, looked at, changed.
instance = client.instances.create(
    {"name": "p1", "source": {"type": "image", "alias": "busybox"}, "config": {"limits.memory": "64MiB"}},
    wait=True,
)
assert instance.status == "Stopped"
instance.start(wait=True)
assert instance.status == "Running" and instance.state().pid > 0
assert client.instances.exists("p1") and [i.name for i in client.instances.all()] == ["p1"]
instance = client.instances.get("p1")
instance.config["user.by"] = "pylxd"
instance.devices["t"] = {"type": "none"}
instance.save(wait=True)
instance.sync()
assert instance.config["user.by"] == "pylxd" and instance.devices["t"] == {"type": "none"}
try:
    instance.config["limits.memory"] = "much"
    instance.save(wait=True)
    raise SystemExit("a bad value was taken")
except LXDAPIException as error:
    assert "limits.memory" in str(error), error
instance = client.instances.get("p1")
assert instance.config["limits.memory"] == "64MiB"

# Commands.
assert tuple(instance.execute(["sh", "-c", "echo out; echo err >&2; exit 3"])) == (3, "out\n", "err\n")
assert instance.execute(["cat"], stdin_payload="through\n").stdout == "through\n"
assert instance.execute(["sh", "-c", "echo $A"], environment={"A": "b"}).stdout == "b\n"
pieces = []
assert instance.execute(["seq", "3"], stdout_handler=pieces.append).exit_code == 0
assert "".join(pieces) == "1\n2\n3\n"

# Files.
instance.files.put("/root/x", b"abc", mode=0o600, uid=0, gid=0)
assert instance.files.get("/root/x") == b"abc"
assert instance.execute(["stat", "-c", "%a", "/root/x"]).stdout == "600\n"
instance.files.mk_dir("/root/d", mode=0o755)
tree = tempfile.mkdtemp(dir=scratch)
os.makedirs(tree + "/sub")
with open(tree + "/sub/f", "w") as file:
    file.write("F")
instance.files.recursive_put(tree, "/root/tree")
instance.files.recursive_get("/root/tree", scratch + "/back")
with open(scratch + "/back/sub/f") as file:
    assert file.read() == "F"
instance.files.delete("/root/x")
try:
    instance.files.get("/root/x")
    raise SystemExit("a file that was deleted is there")
except NotFound:
    pass

# Snapshots.
instance.snapshots.create("s1", wait=True)
instance.files.put("/root/later", b"x")
instance.restore_snapshot("s1", wait=True)
assert instance.execute(["test", "-e", "/root/later"]).exit_code == 1
instance.files.put("/root/later", b"x")
instance.snapshots.get("s1").restore(wait=True)
assert instance.execute(["test", "-e", "/root/later"]).exit_code == 1

# Copies, of an instance and of its snapshot.
for name, source in [("p3", "p1"), ("p4", "p1/s1")]:
    copy = client.instances.create({"name": name, "source": {"type": "copy", "source": source}}, wait=True)
    assert copy.status == "Stopped" and copy.config["limits.memory"] == "64MiB"
    assert copy.files.get("/root/tree/sub/f") == b"F"
    copy.delete(wait=True)
instance.snapshots.get("s1").rename("s2", wait=True)
assert [s.name for s in instance.snapshots.all()] == ["s2"]
instance.snapshots.get("s2").delete(wait=True)

# States.
instance.freeze(wait=True)
assert instance.status == "Frozen"
instance.unfreeze(wait=True)
instance.restart(wait=True)
assert instance.status == "Running"

# What instances need.
profile = client.profiles.create("prof", config={"limits.cpu": "1"}, devices={})
profile.description = "x"
profile.save()
assert client.profiles.get("prof").description == "x"
profile.rename("prof2")
client.profiles.get("prof2").delete()
pool = client.storage_pools.get("default")
assert pool.resources.get().space["total"] > 0
volume = pool.volumes.create({"name": "v1", "type": "custom", "config": {}}, wait=True)
assert "v1" in [v.name for v in pool.volumes.all()]
volume.delete()
image = client.images.get_by_alias("busybox")
image.add_alias("busybox2", "again")
image.delete_alias("busybox2")
assert len(image.export().read()) == image.size
assert "default" in [p.name for p in client.projects.all()]
assert client.resources["cpu"]["total"] > 0

# The end.
instance.stop(wait=True, force=True)
instance.rename("p2", wait=True)
client.instances.get("p2").delete(wait=True)
assert not client.instances.exists("p2")
