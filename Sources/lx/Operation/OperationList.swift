import ArgumentParser
import LexAPI
import LexClient

/// `lx operation list`
struct OperationList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the operations that are under way or ended a moment ago.", aliases: ["ls"])

    @Argument(help: ArgumentHelp("The remote, with its colon.", valueName: "remote:"))
    var remote: String = ""
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: remote) { client, name in
            let byState = try await client.call(
                API.operations.list, query: ["recursion": "1"])
            let operations = try byState.sorted { $0.key < $1.key }.flatMap { _, list in
                try list.elements.map { try $0.map { try $0.decoded(as: LexAPI.Operation.self) } } ?? []
            }
            let clustered = operations.contains { !["", "none"].contains($0.location) }
            try format.print(
                Table(
                    headers: ["ID", "TYPE", "DESCRIPTION", "STATUS", "CANCELABLE", "CREATED"]
                        + (clustered ? ["LOCATION"] : []),
                    sorting: operations.map { operation in
                        [
                            operation.id, operation.class.uppercased(), operation.description,
                            operation.status.uppercased(), operation.mayCancel ? "YES" : "NO",
                            Quantities.utc(operation.createdAt),
                        ] + (clustered ? [operation.location] : [])
                    }),
                values: operations)
        }
    }
}
