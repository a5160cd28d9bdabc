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
            checkPlain((try? Device.checkName(text)) != nil)
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
        #expect(try nic[\.mtu] == 1400)
        guard case .none = try Device("eth0", ["type": "none"]) else {
            Issue.record("not none")
            return
        }
    }

    @Test(
        arguments: [
            (["path": "/"], "it has no type"), (["type": ""], "it has no type"),
            (["type": "gpu"], "no devices of type gpu"),
            (["type": "proxy"], "no devices of type proxy"), (["type": "toaster"], "Invalid device type toaster"),
            (["type": "disk"], "root disk"), (["type": "disk", "path": "/data"], "root disk"),
            (["type": "disk", "path": "/", "size": "1GiB"], "cannot limit the size"),
            (["type": "disk", "path": "/", "source": "/"], "unknown option \"source\""),
            (["type": "nic"], "it needs the option network"),
            (["type": "nic", "nictype": "macvlan", "parent": "eth0"], "only the nictype bridged"),
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

    @Test(arguments: ["", ".", "..", "a/b", "a b", "a=b", "a\n", "é", String(repeating: "d", count: 65)])
    func names(_ name: String) {
        let error = #expect(throws: APIError.self) { try Device(name, ["type": "none"]) }
        #expect(error?.message.hasPrefix("Invalid device name") == true)
        #expect(throws: APIError.self) { try Device.readAll([name: ["type": "none"]]) }
    }
}
