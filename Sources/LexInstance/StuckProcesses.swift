import LexHost
import LexIPC

/// The processes of an instance that wait in the kernel, where no freezer reaches them.
enum StuckProcesses {
    /// How many are named, and how many groups, processes and threads are looked at: a guest may have any number.
    private static let mostNamed = 3
    private static let mostGroups = 1024
    private static let mostProcesses = 1024
    private static let mostThreads = 4096

    /// Why a control group cannot be frozen, and what to do, as the end of a sentence.
    static func explanation(of directory: String, _ layout: CgroupLayout, processes: String = "/proc") -> String {
        let found = find(in: [directory] + layout.groupsBelow(directory, limit: mostGroups), processes: processes)
        guard !found.isEmpty else { return "the kernel was not done in a second; try it again" }
        return found.map(\.text).joined(separator: ", ")
            + (found.count > 1 ? " wait" : " waits")
            + " in the kernel, for a file system or a device that does not answer. End what is behind that, or kill the"
            + (found.count > 1 ? " processes" : " process") + ", and try again"
    }

    private struct Found {
        let id: Int32
        let command: String
        let place: String

        /// `process 4711 "cat" (fuse_get_req)`
        var text: String { "process \(id) \"\(command)\"" + (place.isEmpty ? "" : " (\(place))") }
    }

    private static func find(in groups: [String], processes: String) -> [Found] {
        var found: [Found] = []
        var looked = 0
        var threadsLeft = mostThreads
        for group in groups {
            for id in ((try? readFile("\(group)/cgroup.procs")) ?? "").split(separator: "\n").compactMap({ Int32($0) })
            {
                guard looked < mostProcesses, threadsLeft > 0 else { return found }
                looked += 1
                guard let stuck = look(at: id, processes, &threadsLeft) else { continue }
                found.append(stuck)
                if found.count == mostNamed { return found }
            }
        }
        return found
    }

    private static func look(at id: Int32, _ processes: String, _ threadsLeft: inout Int) -> Found? {
        for thread in ((try? directoryNames("\(processes)/\(id)/task")) ?? []).prefix(min(256, threadsLeft)) {
            threadsLeft -= 1
            let place = "\(processes)/\(id)/task/\(thread)"
            // Behind the name, which is the guest's to choose.
            guard let status = try? readFile("\(place)/stat"), let end = status.lastIndex(of: ")"),
                status[end...].dropFirst(2).first == "D"
            else { continue }
            // Its command line is in its memory: who reads that waits for a lock, which one that is stuck may hold.
            let name = status[..<end].drop { $0 != "(" }.dropFirst()
            let symbol = (try? readFile("\(place)/wchan")) ?? ""
            return Found(
                id: id, command: harmless(name.prefix(64)), place: symbol == "0" ? "" : harmless(symbol.prefix(64)))
        }
        return nil
    }

    /// It is shown to a person at a terminal.
    private static func harmless(_ text: Substring) -> String {
        String(text.map { $0.isASCII && ($0.asciiValue ?? 0) >= 0x20 && $0 != "\u{7f}" ? $0 : "?" })
    }
}
