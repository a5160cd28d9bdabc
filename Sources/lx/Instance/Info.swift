import ArgumentParser
import LexAPI
import LexClient

/// `lx info`
struct Info: Command {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what the server, or an instance, is and does.",
        discussion: """
              lx info                the server
              lx info --resources    its machine
              lx info web            the instance web
            """)

    @Flag(help: "Show the log of the instance as well.")
    var showLog = false
    @Flag(help: "Show what the machine of the server is made of.")
    var resources = false
    @Argument(
        help: ArgumentHelp("The instance; the server when none is named.", valueName: "instance"),
        completion: Names.instances)
    var name: String = ""
    @OptionGroup var member: TargetOption<ServerRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check(instance: name)
        try await global.withServer(of: name) { client, name in
            if name.isEmpty {
                guard !showLog else { throw Failure("Name the instance whose log to show") }
                guard !resources else {
                    return try StandardOutput.write(
                        ResourcesReport.text(try await client.call(API.server.resources)))
                }
                try StandardOutput.yaml(try await client.call(API.server.get))
            } else {
                guard !resources else {
                    throw Failure("Only the server has resources to show: leave out the instance, or --resources")
                }
                try await show(name, client)
            }
        }
    }

    private func show(_ name: String, _ client: Client) async throws {
        var full = try await client.call(
            API.instances.get, as: Instance.Full.self, path: ["name": name], query: ["recursion": "1"])
        if full.state == nil { full.state = try await client.call(API.instances.state, path: ["name": name]) }
        try StandardOutput.write(InstanceReport.text(full))
        if showLog { try StandardOutput.write("\nLog:\n\n\(try await log(name, client))\n") }
    }

    private func log(_ name: String, _ client: Client) async throws -> String {
        let log = try await client.download(API.instances.log, path: ["name": name, "file": "lxc.log"])
        return String(decoding: try await log.bytes(), as: UTF8.self)
    }
}
