import CLexLinux
import Glibc
package import LexIPC

/// Tells when devices of the host come and go, CPUs among them: what the kernel says of its hardware, and what is made
/// and removed in directories that somebody asked to be watched.
package final class DeviceChanges: Sendable {
    private let kernel: OwnedDescriptor
    private let watcher: OwnedDescriptor

    package init() throws(SystemError) {
        kernel = OwnedDescriptor(
            taking: try checked("open", "the socket of the kernel's events") { lex_uevent_socket() })
        watcher = OwnedDescriptor(taking: try checked("open", "a watcher of directories") { lex_watcher() })
    }

    /// Has the directory watched that a path lies in, or the nearest one above it that is there, until something happens
    /// there. Whoever still waits for the path then asks again, before looking at it.
    package func watch(_ path: String) {
        var directory = path
        while let slash = directory.lastIndex(of: "/") {
            directory = String(directory[..<slash])
            if lex_watch_directory(watcher.number, directory.isEmpty ? "/" : directory) >= 0 { return }
        }
    }

    /// Waits for the next change. Several that come together are one.
    package func next() async throws {
        while true {
            try await either()
            // What belongs together comes within a moment: the node after the device, a hub and all that hangs on it.
            if drain() {
                try await Task.sleep(for: .milliseconds(50))
                _ = drain()
                return
            }
        }
    }

    private func either() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (kernel, watcher) = (kernel.number, watcher.number)
            group.addTask { try await Readiness.shared.readable(kernel) }
            group.addTask { try await Readiness.shared.readable(watcher) }
            defer { group.cancelAll() }
            _ = try await group.next()
        }
    }

    /// Reads everything that has come; whether anything of it matters.
    private func drain() -> Bool {
        var matters = false
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = buffer.withUnsafeMutableBytes { lex_receive_uevent(kernel.number, $0.baseAddress, $0.count) }
            if count < 0 {
                // Some were lost: whatever they said is seen now.
                if errno == ENOBUFS { matters = true } else if errno != EINTR { break }
            } else if let event = Uevent(buffer.prefix(count)), event.isOfADevice || event.isOfACPU {
                matters = true
            }
        }
        while true {
            let count = buffer.withUnsafeMutableBytes { read(watcher.number, $0.baseAddress, $0.count) }
            if count > 0 { matters = true } else if count == 0 || errno != EINTR { return matters }
        }
    }
}

/// What the kernel says of one of its devices: `ACTION@PATH`, then `NAME=VALUE` each with a NUL behind it
/// (lib/kobject_uevent.c).
package struct Uevent: Sendable, Equatable {
    package let action: String
    package let properties: [String: String]

    /// nil for bytes of any other kind.
    package init?(_ bytes: some Collection<UInt8>) {
        let parts = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        guard let first = parts.first, let at = first.firstIndex(of: "@"), at != first.startIndex else { return nil }
        action = String(first[..<at])
        var properties: [String: String] = [:]
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: "=") else { continue }
            properties[String(part[..<equals])] = String(part[part.index(after: equals)...])
        }
        self.properties = properties
    }

    /// Whether it is about something that can have a node.
    package var isOfADevice: Bool {
        ["add", "remove", "change", "bind", "unbind"].contains(action)
            && (properties["DEVNAME"] != nil || properties["SUBSYSTEM"] == "usb")
    }

    /// Whether a CPU was switched on or off.
    package var isOfACPU: Bool { properties["SUBSYSTEM"] == "cpu" && ["online", "offline"].contains(action) }
}
