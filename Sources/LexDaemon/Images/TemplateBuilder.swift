import Glibc
package import LexHost
import LexIPC

/// Another place to download packages from while an image is made; nothing in the image tells of it.
package struct PackageMirror: Sendable, Equatable {
    /// The URL in place of the distribution's own archive.
    package let url: String

    /// - Throws: When it is no plain http or https URL: it goes into a command line.
    package init(_ url: String) throws(RecipeError) {
        let rest = url.hasPrefix("http://") ? url.dropFirst(7) : url.hasPrefix("https://") ? url.dropFirst(8) : ""
        let allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~/:"
        guard !rest.isEmpty, url.utf8.count <= 500, rest.allSatisfy({ allowed.contains($0) }) else {
            throw RecipeError(url, "the mirror must be a plain http:// or https:// URL")
        }
        self.url = url
    }
}

/// Makes images from recipes with mmdebstrap, in a user namespace of its own, signatures checked by apt as always.
///
/// What mmdebstrap writes goes through the confined ``ArchiveProcess``, which leaves out what tells of this machine
/// and adds what makes an image of it.
package struct TemplateBuilder: Sendable {
    private let archives: ArchiveProcess
    private let mirror: PackageMirror?
    private let workDirectory: String
    private let program: String

    /// - Parameters:
    ///   - archives: Puts the image together.
    ///   - mirror: Where packages come from, if not from where the distribution says.
    ///   - workDirectory: A directory everyone may write to, as /var/tmp: root's ids in the namespace are others.
    ///   - program: mmdebstrap, by name or path.
    package init(
        archives: ArchiveProcess, mirror: PackageMirror? = nil, workDirectory: String = "/var/tmp",
        program: String = "mmdebstrap"
    ) {
        self.archives = archives
        self.mirror = mirror
        self.workDirectory = workDirectory
        self.program = program
    }

    /// How far a build is.
    package struct Progress: Sendable, Equatable {
        /// What is being done, in mmdebstrap's words: `downloading packages with apt`.
        package let stage: String
        /// Since the build began.
        package let elapsed: Duration
    }

    /// An image that was made.
    package struct Image: Sendable {
        /// Where its file lies.
        package let path: String
        /// Its `metadata.yaml`.
        package let metadata: String
        /// How many entries its root file system has.
        package let entries: UInt64
        /// What was left out of what mmdebstrap made.
        package let warnings: [String]
    }

    /// Makes an image of this machine's architecture as a new file; when that fails there is no file.
    package func build(
        _ recipe: ImageRecipe, to path: String, progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws -> Image {
        let output = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        do {
            let metadata = RecipeMetadata(recipe, architecture: Self.architecture(), created: time(nil))
            let result = try await run(recipe, metadata, to: output.number, progress)
            return Image(path: path, metadata: metadata.yaml, entries: result.entries, warnings: result.warnings)
        } catch {
            unlink(path)
            throw error
        }
    }

    private enum Part: Sendable {
        case tool(Result<Tool.Output, any Error>)
        case image(Result<ArchiveResult, any Error>)
    }

    private func run(
        _ recipe: ImageRecipe, _ metadata: RecipeMetadata, to output: Int32,
        _ progress: @escaping @Sendable (Progress) -> Void
    ) async throws -> ArchiveResult {
        let pipe = try OwnedDescriptor.pipe()
        let (read, write) = (pipe.read, pipe.write)
        let begin = ContinuousClock.now
        let tool = Tool(program, environment: ["TMPDIR": workDirectory])
        let arguments = self.arguments(recipe)
        let composition = metadata.composition(recipe)
        return try await withThrowingTaskGroup(of: Part.self) { group in
            group.addTask {
                .tool(
                    await result {
                        try await tool.stream(arguments, output: OwnedDescriptor(taking: write)) { line in
                            guard let stage = Self.stage(line) else { return }
                            progress(Progress(stage: stage, elapsed: ContinuousClock.now - begin))
                        }
                    })
            }
            group.addTask {
                let input = OwnedDescriptor(taking: read)
                return .image(
                    await result {
                        try await archives.composeImage(input: input.number, output: output, composition: composition)
                    })
            }
            var image: Result<ArchiveResult, any Error>?
            var built: Result<Tool.Output, any Error>?
            for try await part in group {
                switch part {
                case .tool(let result): built = result
                case .image(let result):
                    image = result
                    // Nothing reads any more. A tar that ends too early is mmdebstrap's own failure, and it must say
                    // why itself; after anything else it is asked to end.
                    if case .failure(let error) = result, !isRefusal(error) { group.cancelAll() }
                }
            }
            try Task.checkCancellation()
            if case .failure(let error) = image, !isRefusal(error) { throw error }
            let output = try built?.get()
            if let output, output.status != 0 {
                throw ToolError(
                    what: "make the image \(recipe.name)", program: program, status: output.status,
                    errors: Self.errors(output.errors))
            }
            guard let image else { throw CancellationError() }
            return try image.get()
        }
    }

    private func isRefusal(_ error: any Error) -> Bool {
        if case .refused = error as? ArchiveError { true } else { false }
    }

    private func arguments(_ recipe: ImageRecipe) -> [String] {
        var arguments = [
            "--mode=unshare", "--format=tar", "--variant=\(recipe.variant)",
            "--components=\(recipe.components.joined(separator: ","))",
        ]
        if !recipe.packages.isEmpty { arguments.append("--include=\(recipe.packages.joined(separator: ","))") }
        if let mirror {
            // mmdebstrap writes the distribution's own sources.list by itself; the mirror stands there only while
            // packages are fetched. The security archive is another one and stays as it is.
            let list = "\"$1/etc/apt/sources.list\""
            let kept = "\"$1/etc/apt/sources.list.image\""
            arguments.append(
                "--setup-hook=cp \(list) \(kept) && sed -E -i '/-security /! s#https?://[^ ]+#\(mirror.url)#' \(list)")
            arguments.append("--customize-hook=mv -f \(kept) \(list)")
        }
        return arguments + [recipe.suite, "-"]
    }

    /// What a line of mmdebstrap's says of its progress.
    static func stage(_ line: String) -> String? {
        guard line.hasPrefix("I: ") else { return nil }
        let text = line.dropFirst(3)
        if text.contains("tempdir") || text.hasPrefix("success in") || text == "done" { return nil }
        return String(text.hasSuffix("...") ? text.dropLast(3) : text)
    }

    /// The lines that say what went wrong.
    private static func errors(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("I: ") }
        return lines.suffix(10).joined(separator: "\n")
    }

    private static func architecture() -> String {
        #if arch(arm64)
            "aarch64"
        #else
            "x86_64"
        #endif
    }
}

private func result<Value>(_ body: () async throws -> Value) async -> Result<Value, any Error> {
    do { return .success(try await body()) } catch { return .failure(error) }
}
