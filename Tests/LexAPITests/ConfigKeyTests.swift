import Testing

@testable import LexAPI

/// What each key takes and refuses. A key that is not in its table fails ``ConfigKeyTests/everyKeyIsInATable()``.
private struct Sample {
    var valid: [String]
    var invalid: [String]

    static let bool = Sample(
        valid: ["true", "FALSE", "1", "0", "yes", "No", "on", "off"],
        invalid: ["2", "t", "truee", " true", "true ", "истина", "-1", "null"])
    /// One line of text without further rules.
    static let line = Sample(valid: ["x", "ü 漢字 🚀", "a=b", String(repeating: "x", count: 10_240)], invalid: [])
    static let interface = Sample(
        valid: ["eth0", "a1", "br-1_x.y", "123456789012345"],
        invalid: ["a", "1234567890123456", "eth 0", "eth/0", "..", "ëth0", "eth0:1", "a%d"])
    static let mac = Sample(
        valid: ["00:16:3e:12:34:56", "AA:bb:CC:dd:EE:ff", "02:00:00:00:00:00"],
        invalid: [
            "01:16:3e:12:34:56", "00:16:3e:12:34", "00:16:3e:12:34:56:78", "00-16-3e-12-34-56", "0:16:3e:12:34:56",
            "+1:16:3e:12:34:56", "00:16:3e:12:34:5g", "00:16:3e:12:34:٥٦", ":::::", "",
        ])
}

private let instanceSamples: [String: Sample] = [
    "limits.cpu": Sample(
        valid: ["1", "64", "4096", "0-1,3", "2-2", "0", "3,1,1"].filter { $0 != "0" },
        invalid: [
            "0", "4097", "-1", "1-", "-", "3-1", "a", "0-4096", "1,,2", "+1", "+1-2", "99999999999999999999", "1 ,2",
        ]),
    "limits.cpu.allowance": Sample(
        valid: ["1%", "100%", "25ms/100ms", "2000ms/100ms", "1ms/1ms"],
        invalid: [
            "0%", "101%", "%", "50", "25/100", "25ms", "0ms/100ms", "1ms/1001ms", "1ms/0ms", "-1ms/1ms", "1s/1s",
            "9223372036854775807ms/1ms", "1ms/1ms/1ms",
        ]),
    "limits.memory": Sample(
        valid: ["1", "512MiB", "1GB", "100%", "1%", "8EiB", "7EiB"].filter { $0 != "8EiB" },
        invalid: [
            "0", "0%", "101%", "-1", "8EiB", "9223372036854775808", "10EB", "1 GiB", "1gib", "MiB", "%", "1.5GiB",
            "١GiB",
        ]),
    "limits.processes": Sample(
        valid: ["1", "4194304"], invalid: ["0", "-1", "4194305", "1.5", "x", "9223372036854775808"]),
    "security.privileged": .bool, "security.nesting": .bool, "boot.autostart": .bool,
    "boot.host_shutdown_timeout": Sample(valid: ["0", "30", "86400"], invalid: ["-1", "86401", "30s", "1e3"]),
    "volatile.apply_template": .line, "volatile.base_image": .line, "volatile.cloud-init.instance-id": .line,
    "volatile.idmap.base": Sample(valid: ["0", "1065536"], invalid: ["x", "1.0", "99999999999999999999"]),
    "volatile.idmap.current": .line, "volatile.idmap.next": .line, "volatile.last_state.idmap": .line,
    "volatile.last_state.power": .line, "volatile.uuid": .line,
]

private let serverSamples: [String: Sample] = [
    "core.shutdown_timeout": Sample(valid: ["0", "5", "1440"], invalid: ["-1", "1441", "5m", "5.0"])
]

private let diskSamples: [String: Sample] = ["type": .line, "path": .line, "pool": .line]

private let nicSamples: [String: Sample] = [
    "type": .line, "network": .line,
    "nictype": Sample(valid: ["bridged"], invalid: ["macvlan", "Bridged", " bridged"]),
    "parent": .interface, "name": .interface, "host_name": .interface, "hwaddr": .mac,
    "mtu": Sample(valid: ["68", "1500", "65535"], invalid: ["67", "65536", "x", "-1500"]),
    "ipv4.address": Sample(
        valid: ["10.0.3.17", "255.255.255.255", "0.0.0.0"],
        invalid: ["10.0.3", "10.0.3.256", "10.0.3.1/24", "010.0.0.1", "10.0.0.-1", "10.0.0.+1", "a.b.c.d", "10.0.0.1 "]),
]

private let bridgeSamples: [String: Sample] = [
    "ipv4.address": Sample(
        valid: ["none", "auto", "10.0.3.1/24", "10.255.255.254/8", "10.0.3.2/30"],
        invalid: [
            "10.0.3.1", "10.0.3.0/24", "10.0.3.255/24", "10.0.3.1/31", "10.0.3.1/7", "10.0.3.1/+24", "None", "x",
            "10.0.3.1/99999999999",
        ]),
    "ipv4.nat": .bool, "ipv4.dhcp": .bool,
    "ipv6.address": Sample(
        valid: ["none", "auto", "fd42:1:2:3::1/64", "2001:db8::1/64"],
        invalid: [
            "fd42::1", "fd42::1/48", "fd42::1/65", "fd42:::1/64", "fd42::1::2/64", "::ffff:1.2.3.4/64", "g::1/64",
            "fe80::1%eth0/64",
        ]),
    "ipv6.nat": .bool, "ipv6.dhcp": .bool,
    "dns.domain": Sample(
        valid: ["lexd", "web.example", "a-b.c"],
        invalid: ["-a", "a..b", ".a", "a.", "a_b", "a b", "ä", "a/b", String(repeating: "a.", count: 130) + "a"]),
    "bridge.mtu": Sample(valid: ["1280", "9000", "65535"], invalid: ["1279", "65536", "-1500"]),
    "volatile.bridge.hwaddr": .mac,
]

private let poolSamples: [String: Sample] = [
    "source": Sample(valid: ["/srv/pool", "/ü"], invalid: ["srv", "./x", " /x"]), "volatile.initial_source": .line,
]

@Suite struct ConfigKeyTests {
    private func check<Keys: ConfigKeySet>(_: Keys.Type, _ samples: [String: Sample]) {
        #expect(Set(Config<Keys>.keys.map(\.name)) == Set(samples.keys), "\(Keys.self)")
        for key in Config<Keys>.keys {
            guard let sample = samples[key.name] else { continue }
            for value in sample.valid {
                #expect(throws: Never.self, "\(key.name)=\(clipped(value))") {
                    try Config<Keys>.validate(key.name, value)
                }
            }
            // What no key takes but one for free text: more than one line, or a byte no file of the kernel takes.
            let lines = ["a\nb", "\n", "true\n", "1\r\n", "x\u{0}", "1\u{0}", "\r"]
            let long = sample.invalid.isEmpty ? [] : [String(repeating: "9", count: 10_240), "漢字", "👩‍👩‍👧‍👦"]
            for value in sample.invalid + lines + long where !value.isEmpty {
                let error = #expect(throws: APIError.self, "\(key.name)=\(clipped(value))") {
                    try Config<Keys>.validate(key.name, value)
                }
                guard let error else { continue }
                #expect(error.status == 400)
                #expect(error.message.contains("\"\(key.name)\"") && error.message.contains(" must be "))
                #expect(error.message.utf8.count < 700, "an error echoes \(error.message.utf8.count) bytes")
            }
            // An empty value unsets and is always fine.
            #expect(throws: Never.self) { try Config<Keys>.validate(key.name, "") }
        }
    }

    @Test func everyKeyIsInATable() {
        check(InstanceKeys.self, instanceSamples)
        check(ServerKeys.self, serverSamples)
        check(DiskKeys.self, diskSamples)
        check(NICKeys.self, nicSamples)
        check(BridgeKeys.self, bridgeSamples)
        check(OverlayPoolKeys.self, poolSamples)
    }

    /// Every name declared in a set, as often as it is declared; the table itself would hide a second one.
    private func declared(_ value: Any) -> [any AnyConfigKey] {
        Mirror(reflecting: value).children.flatMap { child -> [any AnyConfigKey] in
            if let key = child.value as? any AnyConfigKey { return [key] }
            return child.value is any ConfigKeySet ? declared(child.value) : []
        }
    }

    @Test func declarationsAreWhole() throws {
        for set in [InstanceKeys(), ServerKeys(), DiskKeys(), NICKeys(), BridgeKeys(), OverlayPoolKeys()]
            as [any ConfigKeySet]
        {
            var names: Set<String> = []
            for key in declared(set) {
                #expect(names.insert(key.name).inserted, "\(key.name) is declared twice in \(type(of: set))")
                #expect(key.summary.hasSuffix(".") && key.summary.count > 10, "\(key.name) has no summary")
                #expect(key.name.utf8.allSatisfy { $0 > 32 && $0 < 127 })
                // A default that cannot be read would silently be none.
                if let text = key.defaultText { #expect(throws: Never.self, "\(key.name)") { try key.validate(text) } }
            }
            for family in families(set) {
                #expect(family.prefix.hasSuffix(".") && family.summary.hasSuffix("."), "\(family.prefix)")
            }
        }
    }

    private func families(_ set: any ConfigKeySet) -> [ConfigKeyFamily] {
        func all<Keys: ConfigKeySet>(_: Keys) -> [ConfigKeyFamily] { Config<Keys>.families }
        return all(set)
    }

    @Test func unknownKeysAreRefusedInLXDsWords() {
        for name in [
            "limits.memoryy", "limits", "", "limits.", "Limits.memory", "user.", "environment.", "volatile.", "userx",
            "environment.A=B", "environment.A B", "environment.A\u{0}", "environment.A\nB", "environment.=\u{301}",
            "user.a\nb", "user.a\u{7f}",
        ] {
            let error = #expect(throws: APIError.self, "\(name)") { try Config<InstanceKeys>.validate(name, "x") }
            #expect(error?.status == 400 && error?.message == "Unknown configuration key: \(name)")
        }
        let long = String(repeating: "k", count: 10_240)
        let error = #expect(throws: APIError.self) { try Config<InstanceKeys>.validate(long, "x") }
        #expect((error?.message.utf8.count ?? .max) < 200)
        let own = #expect(throws: APIError.self) {
            try Config<ServerKeys>(["core.x": "1"]).validate { "Cannot set '\($0)': Unknown key" }
        }
        #expect(own?.message == "Cannot set 'core.x': Unknown key")
    }

    @Test func familiesTakeWhatTheyAreFor() throws {
        let config = Config<InstanceKeys>([
            "user.name": "line\nline", "user.a.b.c": "", "environment.PATH": "/bin", "environment.ÄÖ": "ü",
            "image.os": "Debian", "user.X": String(repeating: "x", count: 10_240),
        ])
        try config.validate()
        for (name, value) in [
            ("environment.A", "x\ny"), ("environment.A", "x\ry"), ("environment.A", "x\u{0}"), ("user.a", "\u{0}"),
            ("image.a", "\u{0}"), ("volatile.eth0.hwaddr", "x\ny"),
        ] {
            let error = #expect(throws: APIError.self) { try Config<InstanceKeys>.validate(name, value) }
            #expect(error?.message.contains("\"\(name)\"") == true)
        }
        #expect(Config<InstanceKeys>.effect(of: "user.x") == .live)
        #expect(Config<InstanceKeys>.effect(of: "environment.X") == .onRestart)
        #expect(Config<InstanceKeys>.effect(of: "limits.memory") == .live)
        #expect(Config<InstanceKeys>.effect(of: "security.nesting") == .onRestart)
        #expect(Config<InstanceKeys>.effect(of: "none.x") == nil)
    }

    @Test(
        arguments: [
            ("volatile.eth0.hwaddr", true), ("volatile.eth0.name", true), ("volatile.eth0.host_name", true),
            ("volatile.eth0.1.hwaddr", true), ("volatile.a.b.c.mtu", true), ("volatile.eth0.unknown", false),
            ("volatile.eth0", false), ("volatile..hwaddr", false), ("volatile.hwaddr", false),
            ("volatile.eth0.", false),
            ("volatile.last_state.power", true), ("volatile.last_state.other", false),
        ])
    func volatileKeys(name: String, isKnown: Bool) {
        #expect((try? Config<InstanceKeys>.validate(name, "x")) != nil || !isKnown)
        #expect((try? Config<InstanceKeys>.validate(name, "x")) == nil || isKnown)
    }

    /// Whatever lexd notes of a device it lets be sent back.
    @Test func whatIsNotedOfADeviceCanBeSentBack() throws {
        for device in ["eth0", "a.b", "x-y_z", "1", String(repeating: "d", count: 64)] {
            try Device.checkName(device)
            for field in InstanceKeys.Volatile.deviceFields {
                try Config<InstanceKeys>.validate("volatile.\(device).\(field)", "v")
                let found = InstanceKeys.Volatile.device(of: "volatile.\(device).\(field)")
                #expect(found?.device == device && found?.field == field)
            }
        }
        #expect(InstanceKeys.Volatile.device(of: "volatile.idmap.base") == nil)
        #expect(InstanceKeys.Volatile.device(of: "user.eth0.hwaddr") == nil)
    }

    @Test func valuesAreReadWithTheirDefaults() throws {
        var config = Config<InstanceKeys>(["limits.memory": "1GiB", "security.nesting": "YES"])
        #expect(try config[\.limits.memory] == .size(ByteSize(bytes: 1 << 30)))
        #expect(try config[\.security.nesting] == true)
        #expect(try config[\.security.privileged] == false)
        #expect(try config[\.boot.autostart] == nil)
        config.values["security.privileged"] = ""
        #expect(try config[\.security.privileged] == false)
        config.values["limits.memory"] = "much"
        #expect(throws: APIError.self) { try config[\.limits.memory] }
        #expect(config == Config(config.values) && config != Config([:]))
    }

    @Test func theFirstWrongKeyByNameIsNamed() {
        let config = Config<InstanceKeys>(["z.z": "1", "a.a": "1", "limits.cpu": "x"])
        let error = #expect(throws: APIError.self) { try config.validate() }
        #expect(error?.message == "Unknown configuration key: a.a")
    }

    @Test func clippedTextsAreShort() {
        #expect(clipped("short") == "short")
        #expect(clipped(String(repeating: "x", count: 65)).unicodeScalars.count == 62)
        // One character of a thousand scalars.
        let stack = "a" + String(repeating: "\u{301}", count: 10_000)
        #expect(clipped(stack).utf8.count < 200)
    }
}
