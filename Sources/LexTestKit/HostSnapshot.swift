import Glibc
import LexHost
import LexIPC

/// What a daemon can leave on a host: mounts, links, firewall tables, control groups, processes, files of this boot.
///
/// Everything that carries the daemon's tag or its directory's name is found, and what is new and carries nobody's.
/// Things of other daemons on the same machine come and go meanwhile; they carry another tag.
package struct HostSnapshot: Sendable, Equatable {
    /// By the kind of thing, each as a line of text.
    package private(set) var things: [String: Set<String>] = [:]

    /// Looks at the host.
    ///
    /// - Parameters:
    ///   - tag: What the daemon's things carry, `lexd_` and eight digits.
    ///   - directory: The directory all its files lie below.
    package static func take(tag: String, directory: String) async throws -> HostSnapshot {
        let tables = try await Program("nft")("list", "tables")
        let links = try await Program("ip")("-details", "-oneline", "link", "show")
        let loops = try await Program("losetup").run("--list", "--noheadings", "--output", "NAME,BACK-FILE").text
        return try await blocking {
            let view = View(tag: tag, directory: directory)
            var snapshot = HostSnapshot()
            snapshot.things["mounts"] = view.lines(try readFile("/proc/self/mounts", limit: 64 << 20))
            snapshot.things["nft tables"] = view.lines(tables)
            snapshot.things["loop devices"] = view.lines(loops)
            (snapshot.things["links"], snapshot.things["links of nobody"]) = view.links(links)
            snapshot.things["cgroups"] = view.cgroups()
            snapshot.things["processes"] = view.processes()
            snapshot.things["run"] = view.runEntries()
            snapshot.things["id ranges"] = view.lines((try? readFile("/run/lexd-ids/ranges", limit: 16 << 20)) ?? "")
            snapshot.things["files"] = access(directory, F_OK) == 0 ? [directory] : []
            return snapshot
        }
    }

    /// What is there now and was not before, `kind: thing` in order.
    package func added(since before: HostSnapshot) -> [String] {
        things.sorted { $0.key < $1.key }.flatMap { kind, now in
            now.subtracting(before.things[kind] ?? []).sorted().map { "\(kind): \($0)" }
        }
    }
}

/// How one daemon's things are told from others'.
private struct View {
    let tag: String
    let directory: String

    func isOurs(_ text: String) -> Bool { text.contains(tag) || text.contains(directory) }

    func lines(_ text: String) -> Set<String> { Set(text.split(separator: "\n").map(String.init).filter(isOurs)) }

    /// Links whose kept text is ours, and those with names like lexd's that carry nobody's text.
    func links(_ text: String) -> (ours: Set<String>, nobodys: Set<String>) {
        var ours: Set<String> = []
        var nobodys: Set<String> = []
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 1 else { continue }
            let name = fields[1].prefix { $0 != ":" && $0 != "@" }
            let alias = line.split(separator: "\\").first { $0.contains(" alias ") }
            if let alias {
                if alias.contains(tag) { ours.insert(String(name)) }
            } else if name.hasPrefix("lexp") || name.hasPrefix("lexd") {
                nobodys.insert(String(name))
            }
        }
        return (ours, nobodys)
    }

    func cgroups() -> Set<String> {
        guard let layout = try? CgroupLayout.detect() else { return [] }
        var found: Set<String> = []
        for root in layout.allRoots {
            for name in (try? directoryNames(root)) ?? [] where name.contains(tag) { found.insert("\(root)/\(name)") }
        }
        return found
    }

    /// Processes that are in our control groups, name our directory in their arguments or have it in their environment.
    func processes() -> Set<String> {
        var found: Set<String> = []
        for id in (try? RunningProcess.all()) ?? [] where id != getpid() {
            let arguments = (try? readFile("/proc/\(id)/cmdline")) ?? ""
            let marks = [
                arguments, (try? readFile("/proc/\(id)/cgroup")) ?? "", (try? readFile("/proc/\(id)/environ")) ?? "",
                link("/proc/\(id)/cwd"),
            ]
            guard marks.contains(where: isOurs) else { continue }
            // One that has ended and waits for its parent is no trace.
            let state = (try? readFile("/proc/\(id)/stat"))?.split(separator: ")").last?.split(separator: " ").first
            if state == nil || state == "Z" || state == "X" { continue }
            found.insert("\(id) \(arguments.split(separator: "\0").joined(separator: " "))")
        }
        return found
    }

    private func link(_ path: String) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { readlink(path, $0, text.count) } ?? -1
            }
        }
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    /// Entries of /run, and of liblxc's tree of locks there, at any depth.
    func runEntries() -> Set<String> {
        var found: Set<String> = []
        for name in (try? directoryNames("/run")) ?? [] where isOurs(name) { found.insert("/run/\(name)") }
        var waiting = ["/run/lxc", "/run/lock/lxc"]
        while let path = waiting.popLast() {
            for name in (try? directoryNames(path)) ?? [] {
                let entry = "\(path)/\(name)"
                if isOurs(entry) { found.insert(entry) } else { waiting.append(entry) }
            }
        }
        return found
    }
}
