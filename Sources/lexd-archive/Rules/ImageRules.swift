import LexIPC

/// What an entry of an archive says it is.
enum EntryKind: Equatable {
    case file
    case directory
    case symbolicLink(target: [UInt8])
    /// One more name of an earlier entry.
    case hardLink(target: [UInt8])
    case fifo
    case socket
    case device
    /// Something no tar has.
    case other
}

/// What the rules look at.
struct EntryFacts: Equatable {
    var path: [UInt8]
    var kind: EntryKind
    /// The length the entry says its file has.
    var size: Int64 = 0
    var user: Int64 = 0
    var group: Int64 = 0
}

/// What is done with an entry.
enum Verdict: Equatable {
    /// It becomes a file, directory, link or fifo at this path.
    case make(EntryPath)
    /// It becomes one more name of what is at `target`.
    case link(EntryPath, target: EntryPath)
    /// It is `metadata.yaml`.
    case metadata
    /// It is left out.
    case skip
}

/// The rules of an image: `metadata.yaml`, `rootfs/…`, `templates/…`, in one file or in two.
///
/// They see one entry after the other and nothing else. What depends on what is there already - a link in the middle
/// of a path, a directory that becomes something else - is for ``TargetTree``, which asks the file system.
struct ImageRules {
    /// The ids of an instance.
    static let ids: Range<Int64> = 0..<65536
    /// The longest `metadata.yaml`, in bytes.
    static let longestMetadata: Int64 = 1 << 20
    /// How many links to things that were left out can be told from links to nothing.
    private static let skippedKept = 10_000

    /// What of an image a file holds.
    enum Part {
        case whole
        /// All but `rootfs/`.
        case metadata
        /// What lies in `rootfs/`, without that name before it.
        case root
    }

    private let depth: UInt64
    private var part = Part.whole
    private(set) var budget: Budget
    private(set) var warnings = Warnings()
    private(set) var hasMetadata = false
    private(set) var hasRoot = false
    private var skipped: Set<[UInt8]> = []

    init(_ limits: ArchiveLimits) {
        depth = limits.depth
        budget = Budget(limits)
    }

    /// What the entries from here on belong to.
    mutating func begin(_ part: Part) {
        self.part = part
        skipped = []
        if part == .root { hasRoot = true }
    }

    /// Judges the next entry.
    mutating func judge(_ entry: EntryFacts) throws(Refusal) -> Verdict {
        try budget.countEntry()
        let path = try place(entry.path)
        // "./" is the directory the image was packed in.
        guard path.count > 0 else {
            guard entry.kind == .directory else { throw Refusal(entry.path, "must be a directory") }
            return .skip
        }
        if path.isName(0, "metadata.yaml") { return try judgeMetadata(entry, path) }
        let isRoot = path.isName(0, "rootfs")
        if isRoot, part == .metadata {
            // Some packers put an empty one there.
            guard path.count > 1 || entry.kind != .directory else { return .skip }
            throw Refusal(entry.path, "belongs to the root file system, which is in the other file of this image")
        }
        guard isRoot || path.isName(0, "templates") else {
            if path.count == 1 || entry.kind != .directory {
                warnings.add("\(quoted(entry.path)) is no part of an image and was left out")
            }
            return .skip
        }
        if path.count == 1, entry.kind != .directory { throw Refusal(entry.path, "must be a directory") }
        guard Self.ids.contains(entry.user), Self.ids.contains(entry.group) else {
            throw Refusal(
                entry.path, "belongs to user \(entry.user) and group \(entry.group); an instance has ids 0 to 65535")
        }
        if isRoot {
            hasRoot = true
            return try judgeRoot(entry, path)
        }
        guard entry.kind == .file || entry.kind == .directory else {
            throw Refusal(entry.path, "is neither a file nor a directory; templates are nothing else")
        }
        return .make(path)
    }

    /// Where an entry is to lie in the target.
    private func place(_ raw: [UInt8]) throws(Refusal) -> EntryPath {
        let path = try EntryPath(raw, depth: depth)
        guard part == .root else { return path }
        let root = Array("rootfs".utf8)
        return try EntryPath(path.count == 0 ? root : root + [UInt8(ascii: "/")] + path.joined, depth: depth)
    }

    private mutating func judgeMetadata(_ entry: EntryFacts, _ path: EntryPath) throws(Refusal) -> Verdict {
        guard path.count == 1, entry.kind == .file else { throw Refusal(entry.path, "must be a regular file") }
        guard !hasMetadata else { throw Refusal(entry.path, "is there twice") }
        guard entry.size <= Self.longestMetadata else {
            throw Refusal(entry.path, "has \(entry.size) bytes; \(Self.longestMetadata) are allowed")
        }
        hasMetadata = true
        return .metadata
    }

    private mutating func judgeRoot(_ entry: EntryFacts, _ path: EntryPath) throws(Refusal) -> Verdict {
        switch entry.kind {
        case .file, .directory, .fifo, .symbolicLink: return .make(path)
        case .device:
            // Every system has its own /dev; elsewhere somebody may miss the node.
            if !(path.count > 1 && path.isName(1, "dev")) {
                warnings.add("\(quoted(entry.path)) is a device node and was left out")
            }
            return skip(path)
        case .socket:
            warnings.add("\(quoted(entry.path)) is a socket and was left out")
            return skip(path)
        case .other:
            warnings.add("\(quoted(entry.path)) is of an unknown kind and was left out")
            return skip(path)
        case .hardLink(let raw):
            let target = try place(raw)
            guard target.isName(0, "rootfs"), target.count > 1 else {
                throw Refusal(entry.path, "is a hard link to \(quoted(raw)), which is not below rootfs/")
            }
            guard target != path else { throw Refusal(entry.path, "is a hard link to itself") }
            if skipped.contains(target.joined) { return skip(path) }
            return .link(path, target: target)
        }
    }

    private mutating func skip(_ path: EntryPath) -> Verdict {
        if skipped.count < Self.skippedKept { skipped.insert(path.joined) }
        return .skip
    }

    /// Counts content; see ``Budget/countBytes(_:read:)``.
    mutating func countBytes(_ count: Int, read: UInt64) throws(Refusal) { try budget.countBytes(count, read: read) }

    /// Says what was left out.
    mutating func warn(_ sentence: String) { warnings.add(sentence) }

    /// Looks at the whole, after the last entry.
    func finish() throws(Refusal) {
        guard hasMetadata else { throw Refusal("the image has no metadata.yaml; every image begins with one") }
        guard hasRoot else { throw Refusal("the image has no directory rootfs/, its root file system") }
    }
}

/// What an archive may cost, and what it has cost so far.
struct Budget {
    private let limits: ArchiveLimits
    private(set) var entries: UInt64 = 0
    private(set) var bytes: UInt64 = 0

    init(_ limits: ArchiveLimits) { self.limits = limits }

    /// Counts an entry.
    mutating func countEntry() throws(Refusal) {
        guard entries < limits.entries else {
            throw Refusal("the archive has more than \(limits.entries) entries")
        }
        entries += 1
    }

    /// Counts bytes of content that are about to be written, when so many bytes of the archive are read.
    mutating func countBytes(_ count: Int, read: UInt64) throws(Refusal) {
        let (sum, overflow) = bytes.addingReportingOverflow(UInt64(max(count, 0)))
        guard !overflow, sum <= limits.bytes else {
            throw Refusal(
                "the archive holds more than \(limits.bytes) bytes, which is all the room there is for it. "
                    + "Free some, or use another storage pool")
        }
        bytes = sum
        // A bomb: far more content than any real system packs into so few bytes.
        let (most, isMore) = max(read, 1).multipliedReportingOverflow(by: limits.ratio)
        guard sum <= limits.ratioFrom || isMore || sum <= most else {
            throw Refusal(
                "the archive holds more than \(limits.ratio) bytes for each of its own, as nothing but an attack does")
        }
    }
}
