import ArgumentParser

/// `lx remote list`
struct RemoteList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List what can stand before the colon of a name.", aliases: ["ls"])

    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try format.print(
            Table(
                headers: ["NAME", "URL", "PROTOCOL", "AUTH TYPE", "PUBLIC", "STATIC", "GLOBAL"],
                sorting: Remote.allCases.map { remote in
                    [
                        remote == .local ? "local (current)" : remote.rawValue, remote.url, remote.protocolName,
                        remote.authentication, remote.isPublic ? "YES" : "NO", "YES", "NO",
                    ]
                }),
            values: Dictionary(
                uniqueKeysWithValues: try Remote.allCases.map { remote in
                    let project = try ClientConfiguration.load().project(of: remote) ?? ""
                    return (remote.rawValue, RemoteView(of: remote, project: project))
                }))
    }
}
