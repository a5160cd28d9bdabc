import CLexLinux
import Glibc
package import LexIPC

/// Reads and makes archives in a confined process each: `lexd-archive`, started by `lexd-runtime`.
///
/// Nothing the process says is believed before it is checked here. When a call throws, what was unpacked so far is
/// still in the directory, and nothing writes there any more: the caller removes it.
package struct ArchiveProcess: Sendable {
    private let settings: ConfinementSettings

    package init(_ settings: ConfinementSettings) { self.settings = settings }

    /// Unpacks an image (`metadata.yaml`, `rootfs/`, `templates/`, in a tar - plain, gzip, xz, zstd, bzip2 or lzma - or
    /// in a squashfs) into an empty directory, all ids as they are inside an instance.
    ///
    /// Afterwards the directory holds these three and nothing else, none of them a link; `templates/` holds files and
    /// directories only. What lies below `rootfs/` is the guest's: no path there may be followed by lexd.
    /// - Parameters:
    ///   - input: The file, open for reading only and at its start; it stays the caller's.
    ///   - root: The file with what lies in `rootfs/`, when that is another one; it stays the caller's too.
    ///   - progress: Is told how many bytes of the files are read.
    package func unpackImage(
        input: Int32, root: Int32? = nil, into directory: String, limits: ArchiveLimits,
        progress: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) async throws -> ArchiveResult {
        let result = try await run(
            .unpackImage(limits), descriptors: root.map { [$0] } ?? [], input: input, target: directory,
            title: "unpack \(directory)", progress: progress)
        try await blocking { try checkUnpacked(directory) }
        return result
    }

    /// Makes an image of the tar of a root file system.
    /// - Parameters:
    ///   - input: The tar: a file or pipe open for reading only; it stays the caller's.
    ///   - output: Where the image goes: a file open for writing; it stays the caller's.
    ///   - progress: Is told how many bytes of the tar are read.
    package func composeImage(
        input: Int32, output: Int32, composition: ImageComposition,
        progress: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) async throws -> ArchiveResult {
        try await run(
            .composeImage(composition), descriptors: [output], input: input, target: nil, title: "compose an image",
            progress: progress)
    }

    private func run(
        _ job: ArchiveJob, descriptors: [Int32] = [], input: Int32, target: String?, title: String,
        progress: @escaping @Sendable (UInt64) -> Void
    ) async throws -> ArchiveResult {
        let program = settings.programs.archive
        let libraries = try await ProgramLibraries.of(program)
        let pair = try OwnedDescriptor.socketPair()
        let theirs = OwnedDescriptor(taking: pair.theirs)
        let conversation = ArchiveConversation(OwnedDescriptor(taking: pair.ours), progress: progress)
        let pipe = try OwnedDescriptor.pipe(neverWaits: true)
        let errors = OwnedDescriptor(taking: pipe.read)
        let theirErrors = OwnedDescriptor(taking: pipe.write)
        let launcher = try await HelperProcess(
            settings.programs.runtime, title: title,
            job: .confine(settings.job(program, libraries: libraries, target: target)),
            descriptors: [input, theirs.number, theirErrors.number])
        // Ours of the far ends: else the end of the program's would never be seen.
        _ = consume theirs
        _ = consume theirErrors
        let limit = settings.timeLimit
        let outcome = await withTaskCancellationHandler {
            await conversation.run(job, descriptors, launcher, limit)
        } onCancel: {
            launcher.hangUp()
        }
        // However it went: nothing may write to the target when we return.
        launcher.hangUp()
        await launcher.end()
        try Task.checkCancellation()
        return try judge(outcome, said: lastWords(errors))
    }

    /// Makes of how it ended what it means.
    private func judge(_ outcome: ArchiveConversation.Outcome, said: String) throws -> ArchiveResult {
        switch outcome {
        case .timeLimit: throw ArchiveError.timeLimit(settings.timeLimit)
        case .malformed(let what): throw ArchiveError.untrustworthy("gave a malformed answer (\(what))")
        case .failed(let error): throw error
        case .ended(let answer, let launch):
            switch (answer, launch) {
            case (_, .failed(let failure)): throw ArchiveError.failed(failure.description)
            case (.refused(let sentence), _): throw ArchiveError.refused(printable(sentence, limit: 2000))
            case (.failed(let failure), _): throw error(failure)
            case (.done(let result), .exited(0)): return try checked(result)
            case (_, .exited(128 + SIGSYS)): throw ArchiveError.forbiddenCall
            case (_, .exited(128 + SIGXCPU)): throw ArchiveError.processorLimit(settings.cpuLimit)
            case (_, .exited(let status)):
                // Swift has no way to say that there is no memory left, but by its end.
                if said.contains("llocat") { throw ArchiveError.memoryLimit(settings.memoryLimit) }
                throw ArchiveError.crashed(status: status, said)
            default: throw ArchiveError.crashed(status: -1, "its launcher ended without an answer")
            }
        }
    }

    private func error(_ failure: RuntimeFailure) -> ArchiveError {
        let what = printable(failure.description, limit: 1000)
        switch failure.code {
        case ENOSPC, EDQUOT: return .noSpace(what)
        case ENOMEM: return .memoryLimit(settings.memoryLimit)
        default: return .failed(what)
        }
    }

    private func checked(_ result: ArchiveResult) throws(ArchiveError) -> ArchiveResult {
        guard result.metadata.utf8.count <= 1 << 20 else {
            throw .untrustworthy("gave a metadata.yaml of \(result.metadata.utf8.count) bytes")
        }
        var result = result
        result.warnings = result.warnings.prefix(100).map { printable($0, limit: 1000) }
        return result
    }
}

/// What a program we do not trust says, for a log or an answer: without anything that is not printable.
private func printable(_ text: String, limit: Int) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
        let isPlain = scalar.value >= 0x20 && scalar.value != 0x7f && !(0x80..<0xa0).contains(scalar.value)
        result.unicodeScalars.append(isPlain ? scalar : "?")
    }
    return result
}

/// Throws unless an unpacked image has only what an image has. The program that unpacked it may have been an attacker's.
private func checkUnpacked(_ path: String) throws {
    let directory = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    for name in try directoryNames(path) {
        let kind: mode_t? =
            switch name {
            case "metadata.yaml": S_IFREG
            case "rootfs", "templates": S_IFDIR
            default: nil
            }
        var status = stat()
        try checked("look at", "\(path)/\(name)") { fstatat(directory.number, name, &status, AT_SYMLINK_NOFOLLOW) }
        guard let kind, status.st_mode & S_IFMT == kind else {
            throw ArchiveError.untrustworthy("left \"\(printable(name, limit: 255))\" beside the image")
        }
    }
    var waiting = [path + "/templates"]
    var seen = 0
    while let next = waiting.popLast() {
        guard let directory = try? OwnedDescriptor.open(next, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else { continue }
        for name in try directoryNames(next) {
            seen += 1
            var status = stat()
            try checked("look at", "\(next)/\(name)") { fstatat(directory.number, name, &status, AT_SYMLINK_NOFOLLOW) }
            let kind = status.st_mode & S_IFMT
            guard kind == S_IFREG || kind == S_IFDIR, seen <= 10_000 else {
                throw ArchiveError.untrustworthy("left something among the templates that is no file")
            }
            if kind == S_IFDIR { waiting.append("\(next)/\(name)") }
        }
    }
}

/// What a program wrote last to its standard error: a pipe takes 64 KiB and makes nobody wait.
private func lastWords(_ pipe: borrowing OwnedDescriptor) -> String {
    var bytes = [UInt8](repeating: 0, count: 65536)
    let got = bytes.withUnsafeMutableBytes { read(pipe.number, $0.baseAddress, $0.count) }
    guard got > 0 else { return "" }
    return printable(String(decoding: bytes[..<got].suffix(1000), as: UTF8.self), limit: 1000)
}
