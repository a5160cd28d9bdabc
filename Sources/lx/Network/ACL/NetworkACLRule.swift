import ArgumentParser
import LexAPI
import LexClient

/// `lx network acl rule`
struct NetworkACLRule: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rule", abstract: "Add and remove the rules of network ACLs.",
        subcommands: [NetworkACLRuleAdd.self, NetworkACLRuleRemove.self])
}

/// Which rules of which ACL a command is about.
struct NetworkACLRuleArguments: ParsableArguments {
    @Argument(help: "The ACL.")
    var acl: String
    @Argument(help: "ingress or egress.")
    var direction: String
    @Argument(help: ArgumentHelp("Parts of the rule, such as action=allow.", valueName: "key=value"))
    var parts: [String] = []

    /// The list of rules of that direction.
    func rules() throws -> WritableKeyPath<NetworkACL, [NetworkACL.Rule]> {
        switch direction {
        case "ingress": return \.ingress
        case "egress": return \.egress
        default: throw Failure("The direction argument must be one of: ingress, egress")
        }
    }

    /// The parts by their names; every name is one of a rule's.
    func values() throws -> [String: String] {
        let values = try KeyValues.assignments(parts)
        for key in values.keys.sorted() where NetworkACL.Rule([key: ""]) == nil { throw Failure("Unknown key: \(key)") }
        return values
    }
}

/// `lx network acl rule add`
struct NetworkACLRuleAdd: Command {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a rule to a network ACL.")

    @OptionGroup var rule: NetworkACLRuleArguments
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let rules = try rule.rules()
        var added = NetworkACL.Rule(try rule.values())
        if added?.state.isEmpty == true { added?.state = "enabled" }
        let new = added
        try await NetworkACLChange.perform(rule.acl, global) { acl in
            if let new { acl[keyPath: rules].append(new) }
        }
    }
}

/// `lx network acl rule remove`
struct NetworkACLRuleRemove: Command {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove rules from a network ACL.", aliases: ["delete", "rm"])

    @OptionGroup var rule: NetworkACLRuleArguments
    @Flag(help: "Remove all that match.")
    var force = false
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let rules = try rule.rules()
        let values = try rule.values()
        try await NetworkACLChange.perform(rule.acl, global) { acl in
            func matches(_ rule: NetworkACL.Rule) -> Bool {
                values.allSatisfy { (rule.parts[$0.key] ?? "") == $0.value }
            }
            let count = acl[keyPath: rules].count(where: matches)
            guard count > 0 else { throw Failure("No matching rule(s) found") }
            guard count == 1 || force else {
                throw Failure("Multiple rules match. Use --force to remove them all")
            }
            acl[keyPath: rules].removeAll(where: matches)
        }
    }
}
