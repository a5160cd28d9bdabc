import ArgumentParser

/// `lx network acl`
struct NetworkACLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acl", abstract: "Look after network ACLs: rules about what passes to and from networks.",
        subcommands: [
            NetworkACLCreate.self, NetworkACLDelete.self, NetworkACLEdit.self, NetworkACLGet.self, NetworkACLList.self,
            NetworkACLRename.self, NetworkACLRule.self, NetworkACLSet.self, NetworkACLShow.self,
            NetworkACLShowLog.self, NetworkACLUnset.self,
        ])
}
