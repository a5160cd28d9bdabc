import ArgumentParser
import LexAPI
import LexClient

/// `lx network edit`
struct NetworkEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a network in an editor.",
        discussion: "When standard input is not a terminal, the new network is read from there.")

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: network) { client, name in
            let answer = try await client.answer(API.networks.get, path: ["name": name])
            try NetworkChange.manageable(answer.reply)
            try await Editor.edit(EditorText.network + YAMLText.document(Tree(answer.reply))) { text in
                let update = try YAMLInput.decode(Network.Update.self, from: text)
                try await global.run(
                    client, saying: "Changing the network \(name)", API.networks.update, path: ["name": name],
                    body: update, ifMatch: answer.etag)
            }
        }
    }
}

extension EditorText {
    static let network = """
        # The network. Lines that begin with # are left out.
        # Only "config" and "description" can be changed. A network may look like this:
        #
        # config:
        #   ipv4.address: 10.62.42.1/24
        #   ipv4.nat: "true"
        #   ipv6.address: none

        """
    static let forward = """
        # The forward of a network. Lines that begin with # are left out.
        # Changes of "listen_address" and "location" do nothing. A forward may look like this:
        #
        # config:
        #   target_address: 10.62.42.9
        # ports:
        # - protocol: tcp
        #   listen_port: 80,8080-8090
        #   target_address: 10.62.42.10
        #   target_port: ""

        """
    static let acl = """
        # The network ACL. Lines that begin with # are left out.
        # Changes of "name" and "used_by" do nothing. An ACL may look like this:
        #
        # ingress:
        # - action: allow
        #   protocol: tcp
        #   source: 192.0.2.0/24
        #   destination_port: 80,443
        #   state: enabled

        """
}
