import ArgumentParser
import Glibc
import LexAPI
import LexClient

/// `lexd init`: makes what a server needs before the first launch, over its API.
struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Configure the server: a storage pool, a network, the default profile.",
        discussion: """
            Without options it asks. A server whose first start made its defaults needs none of it.

              lexd init --auto                  without questions; what is there already stays
              lexd init --preseed < server.yaml what the YAML says, all of it or nothing
              lexd init --dump > server.yaml    what the server has, as such YAML
            """)

    @Flag(help: "Without questions, by the options below.")
    var auto = false
    @Flag(help: "Without questions, with the usual things.")
    var minimal = false
    @Flag(help: "What YAML on standard input says.")
    var preseed = false
    @Flag(help: "Print what the server has as YAML for --preseed, and change nothing.")
    var dump = false
    @Option(help: "With --auto: the address of the API over HTTPS.")
    var networkAddress: String = ""
    @Option(help: "With --auto: the port of the API over HTTPS.")
    var networkPort: Int = -1
    @Option(help: "With --auto: the driver of the storage pool.")
    var storageBackend: String = ""
    @Option(help: "With --auto: the block device the storage pool lies on.")
    var storageCreateDevice: String = ""
    @Option(help: "With --auto: the size in GB of a file the storage pool lies in.")
    var storageCreateLoop: Int = -1
    @Option(help: "With --auto: the name of the storage pool, or what its driver calls it.")
    var storagePool: String = ""
    @Option(help: "With --auto: the password with which clients become trusted.")
    var trustPassword: String = ""

    private var hasAutoOptions: Bool {
        !networkAddress.isEmpty || networkPort != -1 || !storageBackend.isEmpty || !storageCreateDevice.isEmpty
            || storageCreateLoop != -1 || !storagePool.isEmpty || !trustPassword.isEmpty
    }

    func validate() throws {
        let ways = [("--auto", auto), ("--minimal", minimal), ("--preseed", preseed), ("--dump", dump)]
            .filter(\.1).map(\.0)
        guard ways.count < 2 else { throw ValidationError("Cannot use \(ways[0]) and \(ways[1]) together") }
        guard auto || !hasAutoOptions else { throw ValidationError("Configuration options require --auto") }
        if networkAddress.isEmpty {
            guard networkPort == -1 else {
                throw ValidationError("--network-port cannot be used without --network-address")
            }
            guard trustPassword.isEmpty else {
                throw ValidationError("--trust-password cannot be used without --network-address")
            }
        }
    }

    func run() async throws {
        let client = Client(DaemonSettings().address)
        do {
            try await run(client)
        } catch {
            try? await client.close()
            throw error
        }
        try await client.close()
    }

    private func run(_ client: Client) async throws {
        let server = PreseedServer(client)
        if preseed {
            let preseed = try Preseed(yaml: try Self.standardInput())
            return try await server.apply(preseed)
        }
        let present = try await server.present()
        if dump { return print(PreseedText.yaml(present.asPreseed), terminator: "") }
        let wanted: Preseed
        if auto || minimal {
            wanted = try present.automatic(
                AutomaticWish(
                    backend: storageBackend, device: storageCreateDevice, loopSize: storageCreateLoop,
                    pool: storagePool, address: networkAddress, port: networkPort, password: trustPassword))
        } else {
            var questions = InitQuestions(present)
            wanted = try questions.ask()
        }
        try await server.apply(wanted)
    }

    private static func standardInput() throws -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = chunk.withUnsafeMutableBytes { read(0, $0.baseAddress, $0.count) }
            if got == 0 { break }
            guard got > 0 else { throw InitFailure("Cannot read the YAML: \(String(cString: strerror(errno)))") }
            bytes += chunk[..<got]
            guard bytes.count <= 16 << 20 else { throw InitFailure("The YAML is larger than 16 MiB") }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Why nothing was configured; what was done is undone.
struct InitFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
