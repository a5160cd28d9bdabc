import LexAPI
import Testing

@testable import lx

@Suite struct WordTests {
    @Test func keysAndValues() throws {
        #expect(try KeyValues.parse(["a=b", "c=d=e", "f="]) == ["a": "b", "c": "d=e", "f": ""])
        #expect(try KeyValues.parse(["a", "b=c"]) == ["a": "b=c"])
        #expect(try KeyValues.parse(["a", "-"], input: { "from input\n" }) == ["a": "from input\n"])
        #expect(try KeyValues.parse(["a=-", "b=1"], input: { "x" }) == ["a": "x", "b": "1"])
        #expect(try KeyValues.parse(["a=-"], input: { nil }) == ["a": "-"])
        for words in [["a"], ["a=b", "c"], ["=b"], ["a", "b", "c"]] {
            #expect(throws: Failure.self) { try KeyValues.parse(words) }
        }
    }

    @Test(arguments: [
        (["a=b"], "", ["a=b"]), (["core.x", "1"], "", ["core.x", "1"]), (["web", "a=b"], "web", ["a=b"]),
        (["web", "a", "b"], "web", ["a", "b"]), (["local:", "a"], "local:", ["a"]), (["x"], "", ["x"]),
        (["a=b", "c=d"], "", ["a=b", "c=d"]), (["web", "a="], "web", ["a="]),
    ]) func setKnowsTheInstanceFromTheKey(_ words: [String], _ target: String, _ rest: [String]) {
        let result = ConfigTarget.ofSet(words)
        #expect(result.target == target)
        #expect(result.assignments == rest)
    }

    @Test func namesMayHaveARemote() throws {
        #expect(try Reference("web").name == "web")
        #expect(try Reference("local:web") == Reference("web"))
        #expect(try Reference("template:debian/12").remote == .template)
        #expect(try Reference("local:").name == "")
        #expect(throws: Failure.self) { try Reference("nope:web") }
    }

    @Test func urlsNameThings() {
        #expect(ResourceURL("/1.0/instances/web")?.name == "web")
        #expect(ResourceURL("/1.0/images/f00?project=p%20q")?.project == "p q")
        let volume = ResourceURL("/1.0/storage-pools/p/volumes/custom/v%2F1")
        #expect(volume?.kind == "volumes" && volume?.name == "v/1")
        #expect(ResourceURL("/2.0/x/y") == nil)
        #expect(ResourceURL("") == nil)
    }

    @Test func devicesAreChangedOneByOne() throws {
        var devices = Devices(own: ["a": ["type": "disk"]], inherited: ["root": ["type": "disk", "path": "/"]])
        try devices.add("b", type: "nic", ["network=br0"])
        #expect(devices.own["b"] == ["type": "nic", "network": "br0"])
        #expect(throws: Failure.self) { try devices.add("b", type: "nic", []) }
        #expect(throws: Failure.self) { try devices.add("c", type: "nic", ["x"]) }
        try devices.set("a", ["path": "/x", "source": "/y"])
        try devices.unset("a", "source")
        #expect(try devices.get("a", "path") == "/x")
        #expect(try devices.get("a", "none") == "")
        #expect(throws: Failure.self) { try devices.get("root", "path") }
        #expect(throws: Failure.self) { try devices.set("root", ["size": "1GB"]) }
        try devices.override("root", ["size=1GB"])
        #expect(devices.own["root"] == ["type": "disk", "path": "/", "size": "1GB"])
        #expect(throws: Failure.self) { try devices.override("root", []) }
        #expect(throws: Failure.self) { try devices.override("none", []) }
        // All or none.
        #expect(throws: Failure.self) { try devices.remove(["a", "none"]) }
        #expect(devices.own["a"] != nil)
        try devices.remove(["a", "b"])
        #expect(Set(devices.own.keys) == ["root"])
    }

    @Test func deviceOptionsOfLaunch() throws {
        #expect(
            try CreationOptions.overrides(["root,size=1GB", "root,pool=p", "eth0,name=a=b"])
                == ["root": ["size": "1GB", "pool": "p"], "eth0": ["name": "a=b"]])
        for word in ["root", "root,size", ",size=1", "root,=1"] {
            #expect(throws: Failure.self) { try CreationOptions.overrides([word]) }
        }
        var devices = ["a": ["x": "1"]]
        try devices.override(["root": ["size": "1GB"], "a": ["x": "2"]], inherited: ["root": ["type": "disk"]])
        #expect(devices == ["a": ["x": "2"], "root": ["type": "disk", "size": "1GB"]])
        #expect(throws: Failure.self) { try devices.override(["b": [:]], inherited: [:]) }
    }

    @Test func imageFilesAndWhatStandsBesideThem() throws {
        let meaning = try ImageImport.meaning(of: ["./a=b.tar", "root.tar", "local:", "os=Debian"])
        #expect(meaning.files == ["./a=b.tar", "root.tar"])
        #expect(meaning.properties == ["os": "Debian"])
        for words in [["a", "b", "c"], ["local:"], ["https://example.org/a.tar"], ["a.tar", "nope:"]] {
            #expect(throws: Failure.self) { try ImageImport.meaning(of: words) }
        }
        #expect(ImageExport.path("x", "f00.tar.gz", part: nil) == "x.tar.gz")
        #expect(ImageExport.path("x", "f00.squashfs", part: "rootfs") == "x.root")
        #expect(ImageExport.path("/tmp", "f00.tar", part: "metadata") == "/tmp/f00.tar")
        #expect(FormQuery.text(["os": "Debian 12", "a&b": "ü"]) == "a%26b=%C3%BC&os=Debian%2012")
    }
}

@Suite struct VolumeWordTests {
    @Test func volumesAreNamed() throws {
        let plain = try StorageVolumePath("data", pool: "p")
        #expect(plain.path == ["pool": "p", "type": "custom", "volume": "data"])
        #expect(try StorageVolumePath("data/s0", pool: "p").snapshot == "s0")
        #expect(try StorageVolumePath("container/web", pool: "p").type == "container")
        #expect(try StorageVolumePath.withPool("p/data/s0").volume == "data")
        for bad in ["", "a/b/c", "/a", "a/"] {
            #expect(throws: Failure.self) { try StorageVolumePath(bad, pool: "p") }
        }
        #expect(throws: Failure.self) { try StorageVolumePath.withPool("data") }
        #expect(throws: Failure.self) { try StorageVolumePath("data/s0", pool: "p").volumePath() }
    }

    @Test func devicesAreNamedAfterTheirVolume() throws {
        #expect(try VolumeDevice("data", pool: "p", ["/mnt"]).name == "data")
        #expect(try VolumeDevice("data", pool: "p", ["disk1", "/mnt"]).name == "disk1")
        #expect(try VolumeDevice("data", pool: "p", ["disk1", "/mnt"]).options["path"] == "/mnt")
        #expect(try VolumeDevice("data", pool: "p", []).options["path"] == nil)
        var devices = Devices(own: [:])
        try VolumeDevice("data", pool: "p", ["/mnt"]).add(to: &devices)
        try VolumeDevice("data", pool: "p", ["other", "/srv"]).add(to: &devices)
        #expect(throws: Failure.self) { try VolumeDevice("data", pool: "p", ["/x"]).add(to: &devices) }
        #expect(throws: Failure.self) { try VolumeDevice.remove("data", pool: "p", named: "", from: &devices) }
        try VolumeDevice.remove("data", pool: "p", named: "other", from: &devices)
        try VolumeDevice.remove("data", pool: "p", named: "", from: &devices)
        #expect(devices.own.isEmpty)
    }

    @Test func filtersOfVolumes() throws {
        #expect(
            try StorageVolumeColumn.filter(["type=custom", "data", "name=a"]) == "type eq \"custom\" and name eq \"a\"")
        #expect(throws: Failure.self) { try StorageVolumeColumn.filter(["a=\""]) }
    }
}
