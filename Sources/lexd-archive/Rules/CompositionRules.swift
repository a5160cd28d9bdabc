import LexIPC

/// What becomes of the entries of a root file system's tar on their way into an image.
struct CompositionRules {
    /// What is done with an entry.
    enum Verdict: Equatable {
        /// It is the root itself: `rootfs/`.
        case root
        /// It is taken over, below `rootfs/`.
        case take([UInt8])
        /// It is taken over as one more name of what is at `target`; both below `rootfs/`.
        case link([UInt8], target: [UInt8])
        /// It is left out.
        case skip
    }

    private static let prefix = Array("rootfs/".utf8)

    private let omitted: Set<[UInt8]>
    /// Names of which only the beginning counts.
    private let omittedBeginnings: [[UInt8]]
    private let added: Set<[UInt8]>
    /// The directories additions lie in, and whether the tar had them.
    private var parents: [[UInt8]: Bool] = [:]
    private(set) var budget: Budget
    private(set) var warnings = Warnings()
    private let depth: UInt64

    /// - Throws: When what is to be added or left out is no proper path.
    init(_ composition: ImageComposition, _ limits: ArchiveLimits) throws(Refusal) {
        depth = limits.depth
        budget = Budget(limits)
        var omitted: Set<[UInt8]> = []
        var beginnings: [[UInt8]] = []
        for text in composition.omitted {
            let path = try EntryPath(Array(text.utf8), depth: limits.depth).joined
            if path.last == UInt8(ascii: "*") { beginnings.append(path.dropLast()) } else { omitted.insert(path) }
        }
        var added: Set<[UInt8]> = []
        for entry in composition.additions {
            let path = try EntryPath(Array(entry.path.utf8), depth: limits.depth)
            guard path.count > 0, added.insert(path.joined).inserted else {
                throw Refusal(path.joined, "is added twice, or is the root itself")
            }
            for count in 1..<max(path.count, 1) { parents[path.joined(count)] = false }
        }
        for path in added where parents[path] != nil { throw Refusal(path, "is added as a file and as a directory") }
        self.omitted = omitted
        omittedBeginnings = beginnings
        self.added = added
    }

    /// The directories that additions lie in and the tar did not have, those above first.
    var missingParents: [[UInt8]] {
        parents.filter { !$0.value }.keys.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Judges the next entry.
    mutating func judge(_ entry: EntryFacts) throws(Refusal) -> Verdict {
        try budget.countEntry()
        let path = try EntryPath(entry.path, depth: depth)
        guard path.count > 0 else { return .root }
        guard ImageRules.ids.contains(entry.user), ImageRules.ids.contains(entry.group) else {
            throw Refusal(
                entry.path, "belongs to user \(entry.user) and group \(entry.group); an instance has ids 0 to 65535")
        }
        if isOmitted(path) { return .skip }
        let joined = path.joined
        for count in 1..<path.count where added.contains(path.joined(count)) {
            throw Refusal(joined, "lies below a file or link that is to be added")
        }
        if added.contains(joined) {
            guard entry.kind != .directory else { throw Refusal(joined, "is a directory where a file is to be added") }
            return .skip
        }
        if parents[joined] != nil {
            guard entry.kind == .directory else {
                throw Refusal(joined, "is no directory, but something is to be added below it")
            }
            parents[joined] = true
        }
        return try judgeKind(entry, path, joined)
    }

    private mutating func judgeKind(_ entry: EntryFacts, _ path: EntryPath, _ joined: [UInt8]) throws(Refusal)
        -> Verdict
    {
        switch entry.kind {
        case .file, .directory, .symbolicLink, .fifo: return .take(Self.prefix + joined)
        case .hardLink(let raw):
            let target = try EntryPath(raw, depth: depth)
            guard !isOmitted(target), !added.contains(target.joined) else {
                throw Refusal(joined, "is a hard link to \(quoted(raw)), which is not taken over")
            }
            return .link(Self.prefix + joined, target: Self.prefix + target.joined)
        case .device, .socket, .other:
            if !path.isName(0, "dev") { warnings.add("\(quoted(joined)) is no file and was left out") }
            return .skip
        }
    }

    private func isOmitted(_ path: EntryPath) -> Bool {
        (1..<path.count + 1).contains { count in
            let part = path.joined(count)
            return omitted.contains(part)
                || omittedBeginnings.contains {
                    part.starts(with: $0) && !part.dropFirst($0.count).contains(UInt8(ascii: "/"))
                }
        }
    }

    /// Counts content; see ``Budget/countBytes(_:read:)``.
    mutating func countBytes(_ count: Int, read: UInt64) throws(Refusal) { try budget.countBytes(count, read: read) }

    /// Says what was left out.
    mutating func warn(_ sentence: String) { warnings.add(sentence) }
}
