import Glibc
import LexIPC

/// What does not change while the machine is up.
package struct HostFacts: Sendable {
    /// The machine's memory in bytes.
    package let memory: Int64
    /// The kernel's name of the processor: `x86_64`.
    package let architecture: String
    /// The kernel's release.
    package let kernelRelease: String
    /// The host's name.
    package let name: String
    /// The name and version of its distribution (os-release(5)).
    package let distribution: (name: String, version: String)
    /// Whether the kernel has AppArmor, it is on, and there is the parser that profiles need.
    package let hasAppArmor: Bool
    /// Changes with every boot.
    package let bootID: String

    /// Reads them.
    package static func read() throws -> HostFacts {
        var system = utsname()
        try checked("uname", "this machine") { uname(&system) }
        func text(_ field: some Any) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        let release = (try? readFile("/etc/os-release")) ?? ""
        return HostFacts(
            memory: memory(in: try readFile("/proc/meminfo")), architecture: text(system.machine),
            kernelRelease: text(system.release), name: text(system.nodename),
            distribution: (value("NAME", in: release) ?? "Linux", value("VERSION_ID", in: release) ?? ""),
            hasAppArmor: hasAppArmor(),
            bootID: (try readFile("/proc/sys/kernel/random/boot_id")).filter { !$0.isWhitespace })
    }

    /// Debian's kernel has AppArmor on also where its user's side, the package apparmor, is not installed: nothing can be
    /// confined there, and liblxc starts nothing that should be.
    private static func hasAppArmor() -> Bool {
        (try? readFile("/sys/module/apparmor/parameters/enabled"))?.hasPrefix("Y") == true
            && (access("/sbin/apparmor_parser", X_OK) == 0 || access("/usr/sbin/apparmor_parser", X_OK) == 0)
    }

    static func memory(in text: String) -> Int64 {
        for line in text.split(separator: "\n") where line.hasPrefix("MemTotal:") {
            let fields = line.split(separator: " ")
            if fields.count >= 2, let kibibytes = Int64(fields[1]) { return kibibytes * 1024 }
        }
        return 0
    }

    static func value(_ name: String, in text: String) -> String? {
        for line in text.split(separator: "\n") where line.hasPrefix(name + "=") {
            return line.dropFirst(name.count + 1).filter { $0 != "\"" && $0 != "'" }
        }
        return nil
    }

    /// The architectures of systems this machine can run, its own first.
    package var architectures: [String] {
        architecture == "x86_64" ? ["x86_64", "i686"] : [architecture]
    }
}
