import FoundationEssentials
import LexAPI
import LexClient
import LexTestKit
import Testing

extension SystemTests {
    /// Values that nobody should send, for every key of an instance and every option of every kind of device.
    @Suite struct HostileKeys {
        @Test func everyKey() async throws { try await withDaemon(.withoutImage) { try await $0.sendsHostileValues() } }

        @Test func everyDeviceOption() async throws {
            try await withDaemon(.withoutImage) { try await $0.sendsHostileOptions() }
        }
    }
}

private let hostile: [String] = [
    "a\nb", "\n", "a\u{0}b", "\r", String(repeating: "x", count: 10_240), "../../etc/passwd", "/../..", "漢字 🚀 \u{202E}",
    "-1", "18446744073709551616", "1e309", "NaN", "true", "'; reboot; '", "$(reboot)", "%s%n", "\u{1B}[31m", " ", "{}",
    "[1]", "2 denylist", "lxc.hook.pre-start=/bin/sh", "both 0 0",
]

/// A device of each kind that is fine, so that what is refused is the option that is added.
private let validDevices: [String: [String: String]] = [
    "device-disk": ["type": "disk", "path": "/", "pool": "default"],
    "device-disk-host": ["type": "disk", "source": "/tmp", "path": "/d"],
    "device-disk-volume": ["type": "disk", "pool": "default", "source": "v1", "path": "/v"],
    "device-gpu-other": ["type": "gpu", "gputype": "mig", "mig.uuid": "x"],
    "device-gpu-physical": ["type": "gpu"],
    "device-infiniband": ["type": "infiniband", "nictype": "physical", "parent": "ib0"],
    "device-nic-bridged": ["type": "nic", "nictype": "bridged", "parent": "br0"],
    "device-nic-ipvlan": ["type": "nic", "nictype": "ipvlan", "parent": "e0"],
    "device-nic-macvlan": ["type": "nic", "nictype": "macvlan", "parent": "e0"],
    "device-nic-p2p": ["type": "nic", "nictype": "p2p"],
    "device-nic-physical": ["type": "nic", "nictype": "physical", "parent": "e0"],
    "device-nic-routed": ["type": "nic", "nictype": "routed", "parent": "e0"],
    "device-nic-sriov": ["type": "nic", "nictype": "sriov", "parent": "e0"],
    "device-pci": ["type": "pci", "address": "0000:01:00.0"],
    "device-proxy": ["type": "proxy", "listen": "tcp:127.0.0.1:1", "connect": "tcp:127.0.0.1:2"],
    "device-tpm": ["type": "tpm", "path": "/dev/tpm0", "pathrm": "/dev/tpmrm0"],
    "device-unix": ["type": "unix-char", "path": "/dev/null"],
    "device-unix-hotplug": ["type": "unix-hotplug", "vendorid": "046d"],
    "device-unix-usb": ["type": "usb"],
]

extension DaemonFixture {
    /// The keys of some kinds of things, as the daemon tells them. A family is told as `user.*`.
    private func keys(_ isMeant: (String) -> Bool) async throws -> [String: [String]] {
        let all = try await client.call(API.server.configuration)
        return all.configs.filter { isMeant($0.key) }.mapValues { groups in
            groups.values.flatMap { $0.keys.flatMap(\.keys) }.sorted()
        }
    }

    private func look() async throws -> [UInt8] { try await client.raw(.get, "/1.0/instances/c1").body }

    /// What is refused is refused by name, and changes nothing.
    private func send(
        _ body: JSONValue, naming name: String, option: String = "", _ before: inout [UInt8]
    ) async throws {
        let answer = try await client.raw(.patch, "/1.0/instances/c1", body: Array(JSONEncoder().encode(body)))
        let after = try await look()
        switch answer.status {
        case 200: before = after
        case 400:
            let said = String(decoding: answer.body, as: UTF8.self)
            let words = ["security.ipv4_filtering": "IPv4 filtering", "security.ipv6_filtering": "IPv6 filtering"]
            #expect(said.contains(name), "\(body): \(said)")
            #expect(said.contains(option) || words[option].map(said.contains) == true, "\(body): \(said)")
            #expect(before == after, "\(body)")
        default: Issue.record("\(body) gave \(answer.status): \(String(decoding: answer.body, as: UTF8.self))")
        }
    }

    fileprivate func sendsHostileValues() async throws {
        try await lx("init", "--empty", "c1")
        let names = try await keys { $0 == "instance" }.values.flatMap(\.self)
        #expect(names.count > 50)
        var before = try await look()
        for name in names where !name.hasPrefix("volatile.") {
            let key = name.replacing("*", with: "x").replacing("<", with: "").replacing(">", with: "")
            for value in hostile {
                try await send(["config": .object([key: .string(value)])], naming: key, &before)
            }
            // Not even text.
            for value in [JSONValue.int(1), .bool(true), .array([.null]), .object([:])] {
                try await send(["config": .object([key: value])], naming: "", &before)
            }
            try await send(["config": .object([key: ""])], naming: key, &before)
        }
        #expect(try await instance("c1").config.keys.filter { !$0.hasPrefix("volatile.") } == [])
        #expect(try await disagreements() == [])
    }

    fileprivate func sendsHostileOptions() async throws {
        try await lx("init", "--empty", "c1")
        try await lx("storage", "volume", "create", "default", "v1")
        let kinds = try await keys { $0.hasPrefix("device-") }
        #expect(Set(kinds.keys) == Set(validDevices.keys))
        var before = try await look()
        for (kind, options) in kinds.sorted(by: { $0.key < $1.key }) {
            let base = try #require(validDevices[kind])
            // A second root disk would be refused as such.
            let name = kind == "device-disk" ? "root" : "dev0"
            for (number, option) in options.enumerated() where option != "type" {
                // By its path a disk is the root disk.
                if name == "root", option == "path" { continue }
                // A third of them for each option, and all of them for each kind: every request takes its time.
                for value in stride(from: number % 3, to: hostile.count, by: 3).map({ hostile[$0] }) {
                    var device = base.mapValues { JSONValue.string($0) }
                    device[option] = .string(value)
                    try await send(
                        ["devices": .object([name: .object(device)])], naming: name, option: option, &before)
                }
            }
            if name == "dev0" {
                try await send(["devices": .object([name: .object(["type": "none"])])], naming: name, &before)
            }
        }
        for name in hostile where name != "true" && name != "-1" && !name.allSatisfy(\.isLetter) && name != "1e309" {
            try await send(["devices": .object([name: .object(["type": "none"])])], naming: "device name", &before)
        }
        #expect(try await disagreements() == [])
    }
}
