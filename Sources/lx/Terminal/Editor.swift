import Glibc

/// Lets a person change text in the editor of their choice.
enum Editor {
    /// Takes new text from standard input, or from the editor when a person sits there, and hands it on.
    ///
    /// When what came from the editor is refused, the person may go back to it: their work must not be lost.
    static func edit(_ text: @autoclosure () throws -> String, apply: (String) async throws -> Void) async throws {
        if let given = try StandardInput.all() {
            try await apply(given)
            return
        }
        var draft = try text()
        while true {
            draft = try changed(draft)
            do {
                try await apply(draft)
                return
            } catch {
                StandardError.line("Error: \(error)")
                StandardError.write("Press Enter to go back to the editor, or Ctrl-C to give up. ")
                guard StandardInput.line() != nil else { throw Failure("The change was given up") }
            }
        }
    }

    private static func changed(_ text: String) throws -> String {
        var template = Array("/tmp/lx-edit-XXXXXX.yaml".utf8CString)
        let descriptor = mkstemps(&template, 5)
        guard descriptor >= 0 else {
            throw Failure("Cannot make a file for the editor in /tmp: \(String(cString: strerror(errno)))")
        }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        close(descriptor)
        try Files.write(text, to: path)
        try run(path)
        return try Files.read(path)
    }

    /// Runs the editor on a file, and waits for its end.
    static func run(_ path: String) throws {
        let chosen = ["VISUAL", "EDITOR"].map { name in
            (Environment.value(name) ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
        }
        // `editor` is Debian's choice; elsewhere there is at least vi.
        let candidates = chosen.filter { !$0.isEmpty }.prefix(1) + [["editor"], ["vi"], ["nano"]]
        // This process ignores broken pipes; a program that is started would go on doing so.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var usual = sigset_t()
        sigemptyset(&usual)
        sigaddset(&usual, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &usual)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        for words in chosen.allSatisfy(\.isEmpty) ? candidates : candidates.prefix(1) {
            var arguments: [UnsafeMutablePointer<CChar>?] = (words + [path]).map { strdup($0) } + [nil]
            defer { for argument in arguments { free(argument) } }
            var pid: pid_t = 0
            let failure = posix_spawnp(&pid, words.first ?? "", nil, &attributes, &arguments, environ)
            if failure == ENOENT && chosen.allSatisfy(\.isEmpty) { continue }
            guard failure == 0 else {
                throw Failure(
                    "Cannot start the editor \(words.joined(separator: " ")): \(String(cString: strerror(failure)))")
            }
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            guard status == 0 else { throw Failure("The editor ended with an error; nothing was changed") }
            return
        }
        throw Failure("There is no editor; name one in the environment variable EDITOR")
    }
}
