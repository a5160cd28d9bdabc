import Foundation
import LexTestKit
import Logging
import Testing

@testable import LexHost

@Suite struct HostLimitTests {
    @Test func whatIsTooLowIsRaisedAndWhatIsNotStays() async throws {
        try await withTemporaryDirectory { directory in
            func write(_ name: String, _ text: String) throws {
                try Data(text.utf8).write(to: URL(filePath: "\(directory)/\(name)"))
            }
            func read(_ name: String) throws -> String {
                try String(contentsOf: URL(filePath: "\(directory)/\(name)"), encoding: .utf8)
            }
            try write("low", "128\n")
            try write("high", "999999\n")
            try write("odd", "max\n")
            try FileManager.default.createDirectory(
                atPath: "\(directory)/folder", withIntermediateDirectories: false)
            let wishes = ["low", "high", "odd", "folder", "absent"].map {
                HostLimits.Wish(setting: $0, least: 1000, what: "things")
            }
            #expect(HostLimits.raise(wishes, in: directory, Logger(label: "test")) == [])
            #expect(try read("low").hasPrefix("1000"))
            #expect(try read("high") == "999999\n")
            #expect(try read("odd") == "max\n")
        }
    }

    @Test func everyLimitOfThisKernelIsNamedOnce() {
        let names = HostLimits.wanted.map(\.setting)
        #expect(Set(names).count == names.count)
        for needed in [
            "fs/inotify/max_user_instances", "kernel/keys/maxkeys", "kernel/pty/max", "kernel/pid_max",
            "net/ipv4/neigh/default/gc_thresh3", "user/max_net_namespaces",
        ] { #expect(names.contains(needed)) }
    }
}
