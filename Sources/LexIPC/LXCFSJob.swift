/// Gives a running instance the files of lxcfs anew, or takes away what is left of an lxcfs that has gone. The pidfd of its
/// init comes with the job. Without a process it only asks whether lxcfs answers.
package struct LXCFSJob: Message, Equatable {
    /// Where lxcfs is mounted on the host.
    package var directory: String
    /// The instance's init; 0 to ask only.
    package var process: Int32

    package init(directory: String, process: Int32) {
        self.directory = directory
        self.process = process
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(directory)
        writer.put(process)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        directory = try reader.string()
        process = try reader.int32()
    }
}

/// The file systems of lxcfs among those that a process sees, by a text like `/proc/self/mountinfo` (proc(5)).
package struct LXCFSMounts: Sendable, Equatable {
    /// The device number of each that is on top of its mount point.
    package private(set) var devices: [String: String] = [:]
    /// The mount points with something else on top.
    package private(set) var others: Set<String> = []

    /// What the kernel calls the type.
    private static let type = "fuse.lxcfs"

    package init(_ text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 6, let dash = words.dropFirst(6).firstIndex(of: "-"), dash + 1 < words.count else {
                continue
            }
            let place = String(words[4])
            // The later one is on top.
            devices[place] = words[dash + 1] == Self.type ? String(words[2]) : nil
            if devices[place] == nil { others.insert(place) } else { others.remove(place) }
        }
    }
}
