import ArgumentParser
import LexAPI

/// `lx storage unset`
struct StorageUnset: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Take a configuration key from a storage pool.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await StoragePoolChange.perform(pool, global) { $0.config[key] = nil }
    }
}
