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
    private func send(_ body: JSONValue, naming name: String, _ before: inout [UInt8]) async throws {
        let answer = try await client.raw(.patch, "/1.0/instances/c1", body: Array(JSONEncoder().encode(body)))
        let after = try await look()
        switch answer.status {
        case 200: before = after
        case 400:
            let said = String(decoding: answer.body, as: UTF8.self)
            #expect(said.contains(name), "\(body): \(said)")
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
        let kinds = try await keys { $0.hasPrefix("device-") }
        #expect(kinds.count >= 2)
        var before = try await look()
        for (kind, options) in kinds.sorted(by: { $0.key < $1.key }) {
            let words = kind.split(separator: "-").dropFirst().map(String.init)
            let type =
                switch words {
                case ["unix"]: "unix-char"
                case ["unix", "hotplug"]: "unix-hotplug"
                case ["unix", "usb"]: "usb"
                default: words[0]
                }
            for (number, option) in options.enumerated() where option != "type" {
                // A third of them for each option, and all of them for each kind: every request takes its time.
                for value in stride(from: number % 3, to: hostile.count, by: 3).map({ hostile[$0] }) {
                    var device: [String: JSONValue] = ["type": .string(type)]
                    if type == "nic", words.count > 1 { device["nictype"] = .string(words[1]) }
                    device[option] = .string(value)
                    try await send(
                        ["devices": .object(["dev0": .object(device)])], naming: "dev0", &before)
                }
            }
        }
        for name in hostile where name != "true" && name != "-1" && !name.allSatisfy(\.isLetter) && name != "1e309" {
            try await send(["devices": .object([name: .object(["type": "none"])])], naming: "device name", &before)
        }
        #expect(try await disagreements() == [])
    }
}
