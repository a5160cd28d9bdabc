import LexIPC

/// A setting of the kernel below /proc/sys (sysctl(8)).
package struct KernelSetting: Sendable {
    /// Its path below /proc/sys, with slashes since the names of interfaces may hold dots: `net/ipv4/ip_forward`.
    package let name: String

    package init(_ name: String) { self.name = name }

    /// Its value without the newline; nil where the kernel has no such setting.
    package var value: String? {
        guard let text = try? readFile("/proc/sys/" + name) else { return nil }
        return String(text.prefix { $0 != "\n" })
    }

    /// Sets it unless it has the value; answers whether it was changed. Where the kernel has no such setting nothing
    /// is changed.
    package func set(_ wanted: String) throws -> Bool {
        guard let value, value != wanted else { return false }
        try writeKernelFile("/proc/sys/" + name, wanted)
        return true
    }
}
