import ArgumentParser

/// How a volume gets from one place to another, where the places may be servers or members of a cluster.
struct VolumeTransferOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "How it is transferred between servers; within one it means nothing.")
    var mode = TransferMode.pull
    @Option(
        name: .customLong("target"), parsing: .unconditional,
        help: ArgumentHelp("The member of a cluster it lies on; this server is in none.", valueName: "member"))
    var sourceMember: String?
    @Option(
        name: .customLong("destination-target"), parsing: .unconditional,
        help: ArgumentHelp("The member of a cluster it goes to; this server is in none.", valueName: "member"))
    var destinationMember: String?

    /// Refuses members of a cluster: this server is in none.
    func check() throws {
        for member in [sourceMember, destinationMember].compactMap({ $0 }) where !["", "none"].contains(member) {
            throw Failure(MemberRefusal.sentence)
        }
    }
}
