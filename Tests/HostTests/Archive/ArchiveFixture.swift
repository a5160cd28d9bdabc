import CLexLinux
import Glibc
import LexHost
import LexIPC
import Testing

/// A directory of its own for one test, and the confined process that works in it; all is gone afterwards.
final class ArchiveFixture: Sendable {
    /// Everything of the test; `target` is unpacked into.
    let directory: String
    let target: String
    /// What processes of this test are called in ps(1).
    let attackerName: String
    /// Where the host's ids of the confined process begin.
    static let firstID: UInt32 = 700_000_000

    init(above: String = "/var/tmp") throws {
        var name: [CChar] = Array("\(above)/lexd-test-XXXXXX".utf8CString)
        try checked("make", "a directory") { mkdtemp(&name) == nil ? -1 : 0 }
        directory = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        target = directory + "/target"
        attackerName = "attacker-" + directory.suffix(6)
        for path in [target, directory + "/mount"] { try makeDirectories(path, mode: 0o755) }
    }

    deinit { try? removeTree(directory) }

    /// Where the programs were built: beside the test bundle.
    static let programs: String = {
        if let set = getenv("LEXD_PROGRAMS") { return String(cString: set) }
        let path = (try? link("/proc/self/exe")) ?? ""
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }()

    var settings: ConfinementSettings {
        ConfinementSettings(
            programs: HelperPrograms(directory: Self.programs), mountPoint: directory + "/mount", firstID: Self.firstID)
    }

    /// Settings with the attacker in lexd-archive's place.
    func attackerSettings() throws -> ConfinementSettings {
        let program = "\(directory)/\(attackerName)"
        if access(program, F_OK) != 0 {
            let original = try OwnedDescriptor.open(Self.programs + "/lexd-archive-attacker", O_RDONLY)
            let copy = try OwnedDescriptor.open(program, O_WRONLY | O_CREAT, mode: 0o755)
            try copy.writeAll(try original.readAll(limit: 64 << 20, of: program), to: program)
        }
        var settings = settings
        settings.programs = HelperPrograms(runtime: Self.programs + "/lexd-runtime", archive: program)
        return settings
    }

    /// A file with these bytes, open for reading.
    func file(_ bytes: some Collection<UInt8>, _ name: String = "input") throws -> OwnedDescriptor {
        let path = "\(directory)/\(name)"
        unlink(path)
        try OwnedDescriptor.open(path, O_WRONLY | O_CREAT).writeAll(bytes, to: path)
        return try OwnedDescriptor.open(path, O_RDONLY)
    }

    /// Unpacks a tar.
    func unpack(_ tar: Tar, limits: ArchiveLimits = ArchiveLimits(bytes: 1 << 30)) async throws -> ArchiveResult {
        try await unpack(try file(tar.bytes), limits: limits)
    }
    func unpack(
        _ input: borrowing OwnedDescriptor, limits: ArchiveLimits = ArchiveLimits(bytes: 1 << 30)
    ) async throws -> ArchiveResult {
        try await ArchiveProcess(settings).unpackImage(input: input.number, into: target, limits: limits)
    }

    /// Lets the attacker do one thing and gives its report.
    func attack(
        _ attack: String, filtersCalls: Bool = true, change: (inout ConfinementSettings) -> Void = { _ in },
        progress: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) async throws -> String {
        var settings = try attackerSettings()
        settings.filtersCalls = filtersCalls
        change(&settings)
        let input = try file(attack.utf8)
        do {
            _ = try await ArchiveProcess(settings).unpackImage(
                input: input.number, into: target, limits: ArchiveLimits(bytes: 1 << 20), progress: progress)
            return "done"
        } catch ArchiveError.refused(let report) {
            return report
        }
    }

    /// The host's process ids of the attacker.
    func attackers() throws -> [Int32] {
        try directoryNames("/proc").compactMap { name in
            guard let process = Int32(name), let line = try? readFile("/proc/\(name)/cmdline") else { return nil }
            return line.hasPrefix(attackerName) ? process : nil
        }
    }

    /// What a process says in /proc/PID/status.
    static func status(_ process: Int32, _ key: String) throws -> String {
        let text = try readFile("/proc/\(process)/status")
        let line = text.split(separator: "\n").first { $0.hasPrefix(key + ":") }
        return line.map { $0.dropFirst(key.count + 1).split(whereSeparator: \.isWhitespace).joined(separator: " ") }
            ?? ""
    }

    /// Where a link points.
    static func link(_ path: String) throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = try checked("read", path) { readlink(path, &buffer, buffer.count) }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// lstat(2) of something in the unpacked image.
    func look(_ path: String) throws -> stat {
        var status = stat()
        try checked("look at", path) { lstat("\(target)/\(path)", &status) }
        return status
    }

    /// An extended attribute of something in the unpacked image, as the host's root sees it.
    func attribute(_ path: String, _ name: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = lex_get_attribute("\(target)/\(path)", name, &bytes, bytes.count)
        return count < 0 ? nil : Array(bytes[..<count])
    }
}

/// Mounts a file system of 1 MiB.
func mountSmall(_ path: String) -> Int32 { lex_mount("test", path, "tmpfs", 0, "size=1m") }

/// Takes what is mounted there off.
func unmount(_ path: String) { _ = lex_umount_detach(path) }

extension ArchiveError {
    /// The sentence of a refusal.
    var refusal: String? { if case .refused(let sentence) = self { sentence } else { nil } }
}
