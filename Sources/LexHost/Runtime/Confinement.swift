import LexIPC

/// Where and within which bounds lexd runs programs on bytes it does not trust.
package struct ConfinementSettings: Sendable {
    /// The helpers.
    package var programs: HelperPrograms
    /// An empty directory; each confined program builds its root there, seen by itself only.
    package var mountPoint: String
    /// The first of 65536 host ids that nothing else has.
    package var firstID: UInt32
    /// The most memory, in bytes. An image of a million entries in the strongest compression needs far less.
    package var memoryLimit: UInt64
    /// The most processor time.
    package var cpuLimit: Duration
    /// The most time.
    package var timeLimit: Duration
    /// See ``ConfineJob/filtersCalls``.
    package var filtersCalls = true

    package init(
        programs: HelperPrograms, mountPoint: String, firstID: UInt32, memoryLimit: UInt64 = 1 << 30,
        cpuLimit: Duration = .seconds(1800), timeLimit: Duration = .seconds(7200)
    ) {
        self.programs = programs
        self.mountPoint = mountPoint
        self.firstID = firstID
        self.memoryLimit = memoryLimit
        self.cpuLimit = cpuLimit
        self.timeLimit = timeLimit
    }

    func job(_ program: String, libraries: [String], target: String?) -> ConfineJob {
        ConfineJob(
            program: program, libraries: libraries, target: target, mountPoint: mountPoint, firstID: firstID,
            memoryLimit: memoryLimit, cpuLimit: UInt64(max(cpuLimit.components.seconds, 1)),
            filtersCalls: filtersCalls)
    }
}

/// What a program needs to be loaded.
package enum ProgramLibraries {
    #if arch(x86_64)
        private static let loader = "/lib64/ld-linux-x86-64.so.2"
    #elseif arch(arm64)
        private static let loader = "/lib/ld-linux-aarch64.so.1"
    #endif

    /// The loader and the libraries of a program, by absolute path. Asked of the loader itself (ld.so(8), `--list`),
    /// each time: a few milliseconds, and right after the host's libraries were upgraded under a running lexd.
    package static func of(_ program: String) async throws -> [String] {
        let text = try await Tool(loader).check(["--list", program], doing: "list the libraries of \(program)")
        return parse(text)
    }

    static func parse(_ text: String) -> [String] {
        // `\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x…)`, `\t/lib64/ld-linux-x86-64.so.2 (0x…)`; the kernel's
        // own `linux-vdso.so.1 (0x…)` has no path.
        var paths = [loader]
        for line in text.split(whereSeparator: \.isNewline) {
            guard let path = line.split(separator: " ").dropLast().last.map({ $0.drop(while: \.isWhitespace) }),
                path.hasPrefix("/"), !paths.contains(String(path))
            else { continue }
            paths.append(String(path))
        }
        return paths
    }
}
