import ArgumentParser
import LexAPI

/// `lx storage volume unset`
struct StorageVolumeUnset: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Take a configuration key from a custom volume.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: "The volume.")
    var volume: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await StorageVolumeChange.perform(volume, pool: pool, global) { $0.config[key] = nil }
    }
}
