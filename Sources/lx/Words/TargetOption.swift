import ArgumentParser

/// `--target`, the member of a cluster that something is asked of. A lexd stands alone, and refuses it in LXD's words.
struct TargetOption<Refusal: TargetRefusal>: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The member of a cluster it is about; this server is in none.", valueName: "member"))
    var target: String?

    /// Throws when a member is named.
    ///
    /// - Parameter instance: The instance that is meant; empty when it is the server.
    func check(instance: String = "") throws {
        guard let target, !target.isEmpty else { return }
        guard instance.isEmpty else { throw Failure("--target cannot be used with instances") }
        // The name that LXD gives to a server which stands alone.
        guard target != "none" || !Refusal.allowsNone else { return }
        throw Failure(Refusal.sentence)
    }
}

/// What is said about a member of a cluster.
protocol TargetRefusal {
    static var sentence: String { get }
    static var allowsNone: Bool { get }
}

extension TargetRefusal {
    static var allowsNone: Bool { false }
}

/// Of what one member has: LXD looks for it.
enum MemberRefusal: TargetRefusal {
    static let sentence = "Cluster member not found"
    static let allowsNone = true
}

/// Of where something is to be made.
enum PlacementRefusal: TargetRefusal {
    static let sentence = "Target only allowed when clustered"
}

/// Of a server that has to be one of several.
enum ServerRefusal: TargetRefusal {
    static let sentence = "To use --target, the destination remote must be a cluster"
}

/// Of what is moved from one member to another.
enum SourceRefusal: TargetRefusal {
    static let sentence = "The source LXD server is not clustered"
}

/// How something is transferred between two servers; on one there is nothing to transfer.
enum TransferMode: String, ExpressibleByArgument, CaseIterable {
    case pull, push, relay
}
