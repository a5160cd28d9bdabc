import LexAPI
import LexStore
import Logging

/// What the very first start makes, so that a launch needs no further word: the pool `default`, a bridge with addresses,
/// and the profile `default` with a root disk and an interface.
struct FirstStart: Sendable {
    let records: Records<ServerRecord>
    let pools: StoragePools
    let networks: Networks
    let profiles: Profiles
    let logger: Logger

    /// The name of the first bridge; a second daemon takes the next free one.
    private static let bridge = "lexdbr"

    /// - Parameter isBare: Makes only the empty profile, which every server has.
    func run(isBare: Bool) async throws {
        if try await records.find("first-start")?.value.initializedAt != nil { return }
        var devices: [String: [String: String]] = [:]
        // Each step looks whether it was done by a first start that was cut short.
        if !isBare {
            if try await pools.records.find("default") == nil {
                let driver = try await pools.firstDriver()
                try await pools.create(StoragePool.Creation(name: "default", driver: driver), requestor: nil)
                logger.notice("first start: made storage pool", metadata: ["pool": "default"])
            }
            devices["root"] = ["type": "disk", "path": "/", "pool": "default"]
            if let network = try await firstNetwork() {
                devices["eth0"] = ["type": "nic", "network": network, "name": "eth0"]
            }
        }
        if try await profiles.records.find(Project.defaultName, in: Project.defaultName) == nil {
            try await profiles.create(
                Profile.Creation(
                    name: Project.defaultName, description: "Default lexd profile", devices: devices),
                project: Project.defaultName, requestor: nil)
        }
        if try await records.find("first-start") == nil {
            try await records.create("first-start", ServerRecord(config: [:], initializedAt: .now))
        }
    }

    private func firstNetwork() async throws -> String? {
        if let first = try await networks.records.list(in: Project.defaultName).first { return first.owned.name }
        for number in 0..<100 {
            let name = "\(Self.bridge)\(number)"
            // An interface of that name is another daemon's, or somebody's own.
            if (try? await networks.get(name, project: Project.defaultName)) != nil { continue }
            do {
                try await networks.create(
                    Network.Creation(name: name), project: Project.defaultName, requestor: nil)
            } catch {
                // Another lexd that starts for the first time at this moment has taken the name.
                if (try? await networks.get(name, project: Project.defaultName)) != nil { continue }
                // A server without a network still runs instances; the reason and the remedy are in the log.
                logger.error(
                    "first start: cannot make a network", metadata: ["network": "\(name)", "error": "\(error)"])
                return nil
            }
            logger.notice("first start: made network", metadata: ["network": "\(name)"])
            return name
        }
        return nil
    }
}
