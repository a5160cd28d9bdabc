import LexClient

/// An instance or a snapshot of one, as a person names it: `web`, `web/before`.
struct SnapshotPath: Equatable {
    let instance: String
    let snapshot: String?

    init(_ text: String) throws {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        instance = parts.first ?? ""
        snapshot = parts.count > 1 ? parts[1] : nil
        guard snapshot == nil || (!instance.isEmpty && snapshot?.isEmpty == false) else {
            throw Failure("\"\(text)\" is no snapshot; write it as INSTANCE/SNAPSHOT")
        }
    }

    /// The parts of its address.
    var path: [String: String] {
        var path = ["name": instance]
        path["snapshot"] = snapshot
        return path
    }
}
