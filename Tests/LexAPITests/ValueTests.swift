import LexTestKit
import Testing

@testable import LexAPI

@Suite struct ByteSizeTests {
    @Test(
        arguments: [
            ("0", 0), ("1", 1), ("1B", 1), ("1k", 1000), ("1kB", 1000), ("1KB", 1000), ("1KiB", 1024),
            ("1M", 1_000_000), ("1MB", 1_000_000), ("1MiB", 1 << 20), ("1GB", 1_000_000_000), ("1GiB", 1 << 30),
            ("1TB", 1_000_000_000_000), ("1TiB", 1 << 40), ("1PB", 1_000_000_000_000_000), ("1PiB", 1 << 50),
            ("9EB", 9_000_000_000_000_000_000), ("7EiB", 7 << 60), ("9223372036854775807", .max), ("007MiB", 7 << 20),
        ] as [(String, Int64)])
    func reads(text: String, bytes: Int64) { #expect(ByteSize(configText: text)?.bytes == bytes) }

    @Test(
        arguments: [
            "", "B", "-1", "+1", "1 MiB", " 1", "1.5GiB", "1mib", "1Kib", "1KiBs", "8EiB", "10EB",
            "9223372036854775808", "99999999999999999999999999", "0x10", "1e3", "٣MiB", "1\u{301}",
        ])
    func refuses(_ text: String) { #expect(ByteSize(configText: text) == nil) }

    @Test func randomSizesRoundTrip() {
        var random = SeededGenerator("sizes")
        let units: [(String, Int64)] = [
            ("", 1), ("B", 1), ("kB", 1000), ("KiB", 1024), ("GiB", 1 << 30), ("TB", 1_000_000_000_000),
        ]
        for _ in 0..<2000 {
            let (unit, factor) = units.randomElement(using: &random) ?? ("", 1)
            let number = Int64.random(in: 0...(Int64.max / factor), using: &random)
            #expect(ByteSize(configText: "\(number)\(unit)")?.bytes == number * factor, "seed \(random.seed)")
        }
    }

    @Test func memoryOfTheHost() {
        #expect(MemoryLimit(configText: "50%")?.bytes(ofHost: 1000) == 500)
        #expect(MemoryLimit(configText: "100%")?.bytes(ofHost: .max) == Int64.max / 100 * 100)
        #expect(MemoryLimit(configText: "1GiB")?.bytes(ofHost: 1) == 1 << 30)
        #expect(MemoryLimit(configText: "0") == nil && MemoryLimit(configText: "-5%") == nil)
    }
}

@Suite struct CPUTests {
    @Test func sets() {
        #expect(CPULimit(configText: "2") == .count(2))
        #expect(CPULimit(configText: "2-2") == .set([2]))
        #expect(CPULimit(configText: "0-2,1,5") == .set([0, 1, 2, 5]))
        #expect(CPULimit(configText: "0,") == nil && CPULimit(configText: "") == nil)
        #expect(CPULimit.parseSet("0-4095")?.count == 4096)
        #expect(CPULimit.parseSet("0-4096") == nil && CPULimit.parseSet("1-0") == nil)
        #expect(CPULimit.parseSet("+1") == nil && CPULimit.parseSet("-1") == nil && CPULimit.parseSet("1--2") == nil)
    }

    @Test func randomSetsRoundTrip() {
        var random = SeededGenerator("CPU sets")
        for _ in 0..<1000 {
            let set = Set(
                (0..<Int.random(in: 1...20, using: &random)).map { _ in Int.random(in: 0..<4096, using: &random) })
            let text = set.shuffled(using: &random).map { Bool.random(using: &random) ? "\($0)" : "\($0)-\($0)" }
                .joined(separator: ",")
            #expect(CPULimit.parseSet(text) == set.sorted(), "seed \(random.seed)")
        }
    }

    @Test func allowances() {
        #expect(CPUAllowance(configText: "50%") == .percent(50))
        #expect(CPUAllowance(configText: "25ms/100ms") == .quota(microseconds: 25_000, period: 100_000))
        #expect(CPUAllowance(configText: "50 %") == nil && CPUAllowance(configText: "1ms/2s") == nil)
    }
}

@Suite struct AddressTests {
    @Test func randomAddressesRoundTrip() throws {
        var random = SeededGenerator("addresses")
        for _ in 0..<2000 {
            let ipv4 = IPv4Address(.random(in: .min ... .max, using: &random))
            #expect(IPv4Address(configText: ipv4.description) == ipv4, "seed \(random.seed)")
            // Many zeros, or `::` would hardly ever come up.
            let groups = (0..<8).map { _ in
                Bool.random(using: &random) ? 0 : UInt16.random(in: .min ... .max, using: &random)
            }
            let ipv6 = try #require(IPv6Address(groups: groups))
            #expect(IPv6Address(configText: ipv6.description) == ipv6, "\(ipv6) seed \(random.seed)")
            #expect(IPv6Address(configText: ipv6.description.uppercased()) == ipv6)
            let full = groups.map { String($0, radix: 16) }.joined(separator: ":")
            #expect(IPv6Address(configText: full) == ipv6)
            var bytes = (0..<6).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            bytes[0] &= 0xfe
            let mac = try #require(MACAddress(bytes: bytes))
            #expect(MACAddress(configText: mac.description) == mac)
            let subnet = try #require(IPv4Subnet(address: ipv4, prefix: .random(in: 0...32, using: &random)))
            #expect(IPv4Subnet(configText: subnet.description) == subnet)
            #expect(subnet.contains(subnet.network) && subnet.contains(subnet.broadcast) && subnet.contains(ipv4))
            #expect(subnet.overlaps(subnet))
            let below = UInt64(subnet.broadcast.value) - UInt64(subnet.network.value) + 1
            #expect(below == 1 << UInt64(32 - subnet.prefix))
            let subnet6 = try #require(IPv6Subnet(address: ipv6, prefix: .random(in: 0...128, using: &random)))
            #expect(IPv6Subnet(configText: subnet6.description) == subnet6)
        }
    }

    @Test(
        arguments: [
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
            ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
            ("FD42::A", "fd42::a"), ("0001:002:03:4::", "1:2:3:4::"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("0:0:1::", "0:0:1::"),
        ])
    func writesTheCanonicalForm(text: String, canonical: String) {
        #expect(IPv6Address(configText: text)?.description == canonical)
    }

    @Test(
        arguments: [
            "", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::2::3",
            "12345::", "g::", "::1%lo", "1:2:3:4:5:6:1.2.3.4", ":1::2", "1:", "+1::", "-1::", " ::1", "::1\u{301}",
        ])
    func refusesIPv6(_ text: String) { #expect(IPv6Address(configText: text) == nil) }

    @Test func overlaps() throws {
        func subnet(_ text: String) throws -> IPv4Subnet { try #require(IPv4Subnet(configText: text)) }
        #expect(try subnet("10.0.0.0/8").overlaps(subnet("10.1.2.3/24")))
        #expect(try subnet("10.1.2.3/24").overlaps(subnet("10.0.0.0/8")))
        #expect(try !subnet("10.1.2.3/24").overlaps(subnet("10.1.3.3/24")))
        #expect(try subnet("0.0.0.0/0").overlaps(subnet("255.1.2.3/32")))
        #expect(try subnet("10.1.2.3/0").mask == 0)
        for text in ["10.0.0.1", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/+8", "10.0.0.1/", "/8", "10.0.0.1/8/8"] {
            #expect(IPv4Subnet(configText: text) == nil, "\(text)")
        }
        #expect(IPv6Subnet(configText: "::/129") == nil && IPv6Subnet(configText: "::/0")?.prefix == 0)
        #expect(IPv4Address(configText: "1.2.3.4").map { $0 < IPv4Address(0x0102_0305) } == true)
    }

    @Test func settings() {
        #expect(SubnetSetting<IPv4Subnet>(configText: "none") == SubnetSetting.none)
        #expect(SubnetSetting<IPv4Subnet>(configText: "auto") == .auto)
        #expect(SubnetSetting<IPv4Subnet>(configText: "10.0.0.1/24")?.subnet?.prefix == 24)
        #expect(SubnetSetting<IPv4Subnet>(configText: "NONE") == nil)
    }
}

@Suite struct NameTests {
    @Test(arguments: ["a", "web", "Web-1", "a-b-c", "x1", String(repeating: "a", count: 63)])
    func instances(_ text: String) throws { #expect(try InstanceName(text).text == text) }

    @Test(
        arguments: [
            ("", "must be 1-63 characters long"), (String(repeating: "a", count: 64), "must be 1-63 characters long"),
            ("1web", "must not start with a number"), ("-web", "must not start with \"-\" character"),
            ("web-", "must not end with \"-\" character"), ("we_b", "can only contain"), ("we.b", "can only contain"),
            ("we/b", "can only contain"), ("..", "can only contain"), ("wéb", "can only contain"),
            ("web\n", "can only contain"), ("web\u{0}", "can only contain"), ("we b", "can only contain"),
            ("web@", "can only contain"), ("web[", "can only contain"), ("web`", "can only contain"),
        ])
    func instancesRefused(text: String, why: String) {
        let error = #expect(throws: APIError.self) { try InstanceName(text) }
        #expect(error?.status == 400)
        #expect(
            error?.message.hasPrefix("Invalid instance name: Name ") == true && error?.message.contains(why) == true)
    }

    /// Whatever is taken is a plain file name, whatever bytes are tried.
    @Test func namesAreOneFileName() {
        var random = SeededGenerator("names")
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...6, using: &random)
            let scalars = (0..<count).compactMap { _ in
                Unicode.Scalar(
                    Bool.random(using: &random)
                        ? UInt32.random(in: 0...0x7f, using: &random) : UInt32.random(in: 0...0x10ffff, using: &random))
            }
            var text = ""
            text.unicodeScalars.append(contentsOf: scalars)
            func checkPlain(_ isTaken: Bool) {
                guard isTaken else { return }
                #expect(!text.utf8.contains(0) && !text.utf8.contains(UInt8(ascii: "/")), "seed \(random.seed)")
                #expect(text != "." && text != ".." && !text.isEmpty && !text.utf8.contains(10))
            }
            checkPlain((try? InstanceName(text)) != nil)
            checkPlain((try? ObjectName.validate(text, what: "profile")) != nil)
            checkPlain((try? ObjectName.validateInterface(text)) != nil)
            // Their slashes are written otherwise where they become files.
            checkPlain((try? Device.checkName(text)) != nil && !text.contains("/"))
            checkPlain(Fingerprint(text) != nil)
        }
    }

    @Test func objects() {
        for text in [
            "default", "a", "debian/12".replacing("/", with: "-"), "\u{fc}", "...", String(repeating: "x", count: 64),
        ] {
            #expect(throws: Never.self) { try ObjectName.validate(text, what: "profile") }
        }
        for (text, words) in [
            ("", "No name provided for the profile"), ("a/b", "Profile names may not contain slashes"),
            ("../x", "slashes"), (".", "Invalid profile name"), ("..", "Invalid profile name"),
            ("a b", "spaces or control"), ("a\n", "spaces or control"), ("a\u{7f}", "spaces or control"),
            ("a\u{0}", "spaces or control"), (String(repeating: "x", count: 65), "at most 64 bytes"),
            // A slash with a combining accent is one character, and still a slash to the kernel.
            ("a/\u{301}b", "slashes"), ("/\u{338}", "slashes"), ("e\u{301}", "combining accents"),
        ] {
            let error = #expect(throws: APIError.self, "\(text)") { try ObjectName.validate(text, what: "profile") }
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
    }

    @Test func interfaces() {
        for (text, words) in [
            ("a", "too short"), ("", "too short"), ("1234567890123456", "too long"), ("..", "must not be"),
            ("a b", "invalid characters"), ("a/b", "invalid characters"), ("aé", "invalid characters"),
            ("a:b", "invalid characters"), ("a%d", "invalid characters"),
        ] {
            let error = #expect(throws: APIError.self, "\(text)") { try ObjectName.validateInterface(text) }
            #expect(error?.message.contains(words) == true)
        }
        #expect(throws: Never.self) { try ObjectName.validateInterface("lexdbr0") }
    }

    @Test func fingerprints() {
        let digits = String(repeating: "0123456789abcdef", count: 4)
        #expect(Fingerprint(digits)?.text == digits)
        for wrong in [
            digits.uppercased(), String(digits.dropLast()), digits + "0", "", "../" + digits.dropFirst(3),
            "g" + digits.dropFirst(),
        ] {
            #expect(Fingerprint(wrong) == nil, "\(wrong)")
        }
        #expect(Fingerprint.isPrefix("a") && Fingerprint.isPrefix(digits))
        #expect(!Fingerprint.isPrefix("") && !Fingerprint.isPrefix("A") && !Fingerprint.isPrefix(digits + "a"))
        #expect(!Fingerprint.isPrefix("%") && !Fingerprint.isPrefix("_"))
    }
}

@Suite struct DeviceTests {
    @Test func reads() throws {
        guard case .disk(let disk) = try Device("root", ["type": "disk", "path": "/", "pool": "default"]) else {
            Issue.record("no disk")
            return
        }
        #expect(try disk[\.pool]?.text == "default")
        guard case .nic(let nic) = try Device("eth0", ["type": "nic", "network": "lexdbr0", "mtu": "1400"]) else {
            Issue.record("no nic")
            return
        }
        #expect(nic.mtu == 1400 && nic.kind == .bridged)
        guard case .none = try Device("eth0", ["type": "none"]) else {
            Issue.record("not none")
            return
        }
    }

    @Test(
        arguments: [
            (["path": "/"], "it has no type"), (["type": ""], "it has no type"),
            (["type": "proxy"], "\"listen\" is missing"), (["type": "toaster"], "Invalid device type toaster"),
            (["type": "disk"], "missing the required \"source\""),
            (["type": "disk", "path": "/data"], "missing the required \"source\""),
            (["type": "disk", "source": "/data"], "missing the required \"path\""),
            (["type": "disk", "path": "/", "size": "much"], "\"size\""),
            (["type": "disk", "path": "/", "size": "0"], "\"size\""),
            (["type": "disk", "path": "/", "source": "/"], "Root disk entry may not have a"),
            (["type": "nic"], "it needs the option network"),
            (["type": "nic", "nictype": "macvlan"], "needs the option parent"),
            (["type": "nic", "nictype": "ovn", "parent": "eth0"], "bridged, p2p, macvlan, routed, physical"),
            (["type": "nic", "network": "a", "parent": "br0"], "stands for nictype and parent"),
            (["type": "nic", "network": "a", "ipv4.address": "1.2.3"], "\"ipv4.address\""),
            (["type": "nic", "network": "a", "hwaddr": "01:00:00:00:00:00"], "\"hwaddr\""),
            (["type": "nic", "network": "a", "name": "a/b"], "\"name\""),
            (["type": "nic", "network": "a\nb"], "\"network\""),
            (["type": "nic", "network": "a", "security.x": "1"], "unknown option \"security.x\""),
        ])
    func refuses(options: [String: String], words: String) {
        let error = #expect(throws: APIError.self) { try Device("dev0", options) }
        #expect(error?.status == 400 && error?.message.contains(words) == true, "\(error?.message ?? "")")
        if error?.message.hasPrefix("Invalid device type") == false, error?.message.hasPrefix("Invalid value") == false
        {
            #expect(error?.message.contains("\"dev0\"") == true)
        }
    }

    @Test(arguments: ["", ".", "..", ".a", "a b", "a=b", "a\n", "é", "a%b", String(repeating: "d", count: 65)])
    func names(_ name: String) {
        let error = #expect(throws: APIError.self) { try Device(name, ["type": "none"]) }
        #expect(error?.message.hasPrefix("Invalid device name") == true)
        #expect(throws: APIError.self) { try Device.readAll([name: ["type": "none"]]) }
    }
}

/// What is refused, and in which words.
@Suite struct RefusalTests {
    @Test(arguments: ["a/b", "a:b", "a..b", "x.", "-", "_x", String(repeating: "d", count: 64)])
    func namesOfDevices(_ name: String) throws { _ = try Device(name, ["type": "none"]) }

    @Test func onlyTheLineInQuestionIsQuoted() throws {
        let lines = "lxc.environment = A=b\nlxc.rootfs.path = /\nlxc.cap.drop = sys_time"
        let error = #expect(throws: APIError.self) { try Config<InstanceKeys>.validate("raw.lxc", lines) }
        #expect(error?.message.contains("\"lxc.rootfs.path = /\" must be") == true)
        #expect(error?.message.contains("A=b") == false)
        let calls = #expect(throws: APIError.self) {
            try Config<InstanceKeys>.validate("security.syscalls.deny", "read\nwrite; x")
        }
        #expect(calls?.message.contains("\"write; x\" must be") == true)
    }

    @Test func commentsBehindSystemCalls() throws {
        let text = "2 # the version\ndenylist\n# all\n[all] # of them\nmount # why\numount2 errno 1#x\n"
        let profile = try #require(RawSeccomp(configText: text))
        #expect(profile.text == "2\ndenylist\n[all]\nmount\numount2 errno 1\n")
        let list = try #require(SyscallList(configText: " mount # no\n\n#\nopen_by_handle_at errno 1"))
        #expect(list.lines == ["mount", "open_by_handle_at errno 1"])
        #expect(list.names == ["mount", "open_by_handle_at"])
    }

    @Test func manyPortsOnlyByTheKernel() throws {
        let proxy = ["type": "proxy", "listen": "tcp:192.0.2.1:1-16384", "connect": "tcp::1-16384"]
        let error = #expect(throws: APIError.self) { try Device("p", proxy) }
        #expect(error?.message.contains("at most 4096 ports") == true)
        _ = try Device("p", proxy.merging(["nat": "true"]) { $1 })
    }

    @Test(arguments: ["shift", "recursive", "ceph.user_name", "ceph.cluster_name"])
    func rootDisksSayWhy(_ option: String) throws {
        let root = ["type": "disk", "path": "/", "pool": "default"]
        let error = #expect(throws: APIError.self) { try Device("root", root.merging([option: "true"]) { $1 }) }
        #expect(error?.message.contains(option) == true && error?.message.contains("unknown") == false)
        for (option, value) in [
            "required": "false", "propagation": "rslave", "raw.mount.options": "noexec", "size.state": "1GiB",
            "optional": "true",
        ] {
            _ = try Device("root", root.merging([option: value]) { $1 })
        }
    }
}

/// The kinds of device that are something of the host's.
@Suite struct HostDeviceTests {
    @Test func reads() throws {
        let disk = [
            "type": "disk", "source": "/srv", "path": "srv//x/", "propagation": "rslave", "limits.max": "30iops",
        ]
        guard case .bind(let config) = try Device("d", disk) else {
            Issue.record("no disk")
            return
        }
        #expect(try config[\.propagation] == .rslave && config[\.limits.max] == .operations(30))
        #expect(try config[\.path].map { DevicePath.plain($0.text) } == "/srv/x")
        guard case .unix(.block, let node) = try Device("n", ["type": "unix-block", "path": "/dev/x", "mode": "600"])
        else {
            Issue.record("no node")
            return
        }
        #expect(try node[\.owner.mode]?.bits == 0o600 && node[\.required] == true && node[\.owner.uid] == 0)
        guard case .gpu(let gpu) = try Device("g", ["type": "gpu", "gputype": "physical", "pci": "01:00.0"]) else {
            Issue.record("no gpu")
            return
        }
        #expect(try gpu[\.pci]?.text == "0000:01:00.0")
    }

    /// Checked and kept; refused where LXD does.
    @Test(arguments: [
        (["type": "pci", "address": "0000:01:00.0"], AbsentDevice.Moment.inAnInstance),
        (["type": "gpu", "gputype": "mdev", "mdev": "x"], .inAnInstance),
        (["type": "gpu", "gputype": "sriov"], .inAnInstance),
        (["type": "gpu", "gputype": "mig", "mig.uuid": "x"], .atStart),
        (["type": "tpm", "path": "/dev/tpm0", "pathrm": "/dev/tpmrm0"], .atStart),
        (["type": "infiniband", "nictype": "physical", "parent": "ib0"], .atStart),
    ])
    func absent(options: [String: String], moment: AbsentDevice.Moment) throws {
        guard case .absent(let absent) = try Device("d", options) else {
            Issue.record("\(options) is there")
            return
        }
        #expect(absent.moment == moment)
        #expect(throws: APIError.self) { try absent.refuse("d") }
    }

    @Test(arguments: [
        (["type": "disk", "source": "srv", "path": "/x"], "\"source\""),
        (["type": "disk", "source": "/a\nb", "path": "/x"], "\"source\""),
        (["type": "disk", "source": "/a\u{1}b", "path": "/x"], "\"source\""),
        (["type": "disk", "source": "/" + String(repeating: "a", count: 10_240), "path": "/x"], "\"source\""),
        (["type": "disk", "source": "ceph:pool/x", "path": "/x"], "no Ceph"),
        (["type": "disk", "source": "/s", "path": "/x", "ceph.user_name": "a"], "ceph.user_name"),
        (["type": "disk", "source": "/s", "path": "/a/../b"], "\"path\""),
        (["type": "disk", "source": "/s", "path": "/x", "size": "1GiB"], "size quota"),
        (["type": "disk", "source": "/s", "path": "/x", "required": "no", "optional": "yes"], "deprecated"),
        (["type": "disk", "source": "/s", "path": "/x", "propagation": "everywhere"], "\"propagation\""),
        (["type": "disk", "source": "/s", "path": "/x", "limits.read": "fast"], "\"limits.read\""),
        (["type": "disk", "source": "/s", "path": "/x", "limits.read": "4294967296iops"], "\"limits.read\""),
        (["type": "disk", "source": "/s", "path": "/x", "raw.mount.options": "a b"], "\"raw.mount.options\""),
        (["type": "disk", "source": "tmpfs:", "path": "/x", "shift": "true"], "shift"),
        (["type": "disk", "source": "tmpfs:", "path": "/x", "limits.max": "1MB"], "limits.max"),
        (["type": "disk", "source": "v", "pool": "p", "path": "/x", "shift": "true"], "custom storage volumes"),
        (["type": "unix-char"], "missing the required"),
        (["type": "unix-char", "path": "/dev/x", "major": "1"], "Both"),
        (["type": "unix-char", "source": "dev/x"], "\"source\""),
        (["type": "unix-char", "source": "/dev/../x"], "path"),
        (["type": "unix-block", "path": "/dev/x", "major": "4096", "minor": "0"], "\"major\""),
        (["type": "unix-block", "path": "/dev/x", "major": "1", "minor": "-1"], "\"minor\""),
        (["type": "unix-char", "path": "/dev/x", "mode": "0888"], "\"mode\""),
        (["type": "unix-char", "path": "/dev/x", "mode": "rw"], "\"mode\""),
        (["type": "unix-char", "path": "/dev/x", "uid": "4294967296"], "\"uid\""),
        (["type": "unix-char", "path": "/dev/x", "vendorid": "046d"], "unknown option \"vendorid\""),
        (["type": "unix-hotplug"], "require a vendorid"),
        (["type": "unix-hotplug", "vendorid": "46d"], "\"vendorid\""),
        (["type": "usb", "productid": "xyzw"], "\"productid\""),
        (["type": "usb", "required": "perhaps"], "\"required\""),
        (["type": "gpu", "id": "0", "vendorid": "10de"], "when \"id\" is set"),
        (["type": "gpu", "pci": "01:00.0", "id": "0"], "when \"pci\" is set"),
        (["type": "gpu", "pci": "1:0"], "\"pci\""), (["type": "gpu", "gputype": "best"], "gputype"),
        (["type": "tpm", "path": "/dev/tpm0"], "pathrm"), (["type": "pci"], "address"),
        (["type": "infiniband", "nictype": "other", "parent": "ib0"], "\"nictype\""),
    ])
    func refuses(options: [String: String], words: String) {
        let error = #expect(throws: APIError.self) { try Device("dev0", options) }
        #expect(error?.status == 400 && error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect((error?.message.utf8.count ?? 0) < 700)
    }
}

@Suite struct VolumeKeyTests {
    @Test(arguments: ["/data", "data", "/a b/c", "//a//b/"]) func pathsInside(_ path: String) throws {
        _ = try Device("d", ["type": "disk", "pool": "p", "source": "v", "path": path])
    }

    @Test(arguments: ["//", "..", "/a/../b", "/.", "/a/.", "/a\tb", "/a\u{7f}", String(repeating: "a", count: 256)])
    func noPathsInside(_ path: String) {
        #expect(throws: APIError.self) {
            try Device("d", ["type": "disk", "pool": "p", "source": "v", "path": path])
        }
    }
}
