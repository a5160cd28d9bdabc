import Glibc
import Yams

/// What lx remembers for the person who uses it: `config.yml` in the directory that `LEXD_CONF` names, else in
/// `~/.config/lx`, laid out as the stock client's.
///
/// What this version does not know in the file stays in it.
struct ClientConfiguration {
    private let path: String
    /// Nil where there is nothing yet: even an empty mapping of Yams costs every command the milliseconds in which its
    /// patterns are compiled.
    private var document: Node.Mapping?

    /// Reads the file; empty where there is none.
    static func load() throws -> ClientConfiguration { try ClientConfiguration(path: path()) }

    init(path: String) throws {
        self.path = path
        guard access(path, F_OK) == 0 else { return }
        let text = try Files.read(path)
        do {
            guard let node = try Yams.compose(yaml: text) else { return }
            guard let mapping = node.mapping else { throw Failure("it is not a list of keys") }
            document = mapping
        } catch {
            throw Failure("Cannot read \(path), the configuration of lx: \(error)")
        }
    }

    private static func path() -> String {
        if let directory = Environment.value("LEXD_CONF"), !directory.isEmpty { return "\(directory)/config.yml" }
        let home = Environment.value("HOME") ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } ?? "/"
        return "\(home)/.config/lx/config.yml"
    }

    /// Words that stand for others.
    var aliases: [String: String] {
        get {
            guard let members = document?["aliases"]?.mapping else { return [:] }
            return Dictionary(
                members.compactMap { member in
                    guard let name = member.key.scalar?.string, let target = member.value.scalar?.string else {
                        return nil
                    }
                    return (name, target)
                }, uniquingKeysWith: { $1 })
        }
        set {
            document = document ?? [:]
            document?["aliases"] = Node.mapping(
                .init(newValue.sorted { $0.key < $1.key }.map { (Self.text($0.key), Self.text($0.value)) }))
        }
    }

    /// The project that is meant on a remote when none is named; nil for the default one.
    func project(of remote: Remote) -> String? {
        document?["remotes"]?.mapping?[Self.text(remote.rawValue)]?.mapping?["project"]?.scalar?.string
    }

    /// Sets it.
    mutating func setProject(_ project: String?, of remote: Remote) {
        document = document ?? [:]
        var remotes = document?["remotes"]?.mapping ?? [:]
        var entry = remotes[Self.text(remote.rawValue)]?.mapping ?? ["addr": Self.text(remote.url)]
        entry["project"] = project.map(Self.text)
        remotes[Self.text(remote.rawValue)] = .mapping(entry)
        document?["remotes"] = .mapping(remotes)
    }

    private static func text(_ text: String) -> Node { .scalar(.init(text, Tag(.str))) }

    /// Writes it, whole or not at all.
    func save() throws {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        try Self.makeDirectories(directory)
        var template = Array("\(path).XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw Failure("Cannot write \(path), the configuration of lx: \(String(cString: strerror(errno)))")
        }
        close(descriptor)
        let draft = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        do {
            try Files.write(Yams.serialize(node: .mapping(document ?? [:]), allowUnicode: true), to: draft)
            guard rename(draft, path) == 0 else {
                throw Failure("Cannot write \(path), the configuration of lx: \(String(cString: strerror(errno)))")
            }
        } catch {
            unlink(draft)
            throw error
        }
    }

    private static func makeDirectories(_ path: String) throws {
        if path.isEmpty || Files.isDirectory(path) { return }
        try makeDirectories(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        guard mkdir(path, 0o750) == 0 || errno == EEXIST else {
            throw Failure("Cannot make the directory \(path): \(String(cString: strerror(errno)))")
        }
    }
}
