import ArgumentParser
import LexAPI

/// `lx storage volume set`
struct StorageVolumeSet: Command {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set configuration keys of a custom volume.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: "The volume.")
    var volume: String
    @Argument(help: ArgumentHelp("The keys and values.", valueName: "key=value"))
    var words: [String]
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await StorageVolumeChange.perform(volume, pool: pool, global) { volume in
            volume.config.merge(try KeyValues.parse(words)) { $1 }
        }
    }
}
