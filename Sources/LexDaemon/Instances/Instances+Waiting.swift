import FoundationEssentials
import LexAPI
import LexHost
import LexIPC
import LexInstance
import Logging

/// What changes of a running instance leave for its next start.
extension Instances {
    /// What of a change a running instance takes only at its next start: keys of its configuration, and options of
    /// devices as `devices.NAME.OPTION`, with commas between. Nil when there is nothing, or it does not run.
    func waiting(_ key: String, from old: Expansion, to new: Expansion) async -> String? {
        guard liveInstance(key).run != nil else { return nil }
        var started: Expansion?
        do {
            if let config = try await configOfRun(key) {
                started = Expansion([], config: config, devices: try await devicesOfRun(key) ?? old.devices)
            }
        } catch {
            logger.warning(
                "cannot tell what an instance was started with",
                metadata: ["instance": "\(key)", "error": "\(error)"])
        }
        let names = Self.waiting(started ?? old, from: old, to: new)
        return names.isEmpty ? nil : names.joined(separator: ", ")
    }

    /// The same for all instances that run with a profile, by their URLs.
    func waiting(withProfile key: ProjectKey, from before: [String: Expansion]) async -> [String: String]? {
        guard let after = try? await expansions(withProfile: key) else { return nil }
        var result: [String: String] = [:]
        for (instance, old) in before {
            guard let new = after[instance], let names = await waiting(instance, from: old, to: new),
                let record = try? await records.find(instance)?.value
            else { continue }
            result[record.url] = names
        }
        return result.isEmpty ? nil : result
    }

    /// - Parameter started: What the run began with.
    static func waiting(_ started: Expansion, from old: Expansion, to new: Expansion) -> [String] {
        func isSame(_ key: String, _ left: Expansion, _ right: Expansion) -> Bool {
            Config<InstanceKeys>.isSame(key, left.config[key], right.config[key])
        }
        let keys = Set(old.config.keys).union(new.config.keys).filter {
            waits($0) && !isSame($0, old, new) && !isSame($0, started, new)
        }
        let before = waiting(old.devices, new.devices)
        let options = waiting(started.devices, new.devices).filter(before.contains)
        return keys.sorted() + options.map { "devices.\($0.device).\($0.option)" }
    }

    /// The options of devices that one set of them has otherwise than another, and that no running instance can take.
    static func waiting(
        _ old: [String: [String: String]], _ new: [String: [String: String]]
    ) -> [WaitingOption] {
        guard let (name, now) = root(of: new), let (_, before) = root(of: old) else { return [] }
        return ["readonly"].filter {
            !Config<DiskKeys>.isSame($0, before[$0], now[$0])
        }.map { WaitingOption(device: name, option: $0) }
    }

    private static func root(of devices: [String: [String: String]]) -> (String, [String: String])? {
        devices.first { $0.value["type"] == "disk" && $0.value["path"] == "/" }.map { ($0.key, $0.value) }
    }

    /// Whether a changed value of a key waits for the next start.
    static func waits(_ key: String) -> Bool {
        Config<InstanceKeys>.effect(of: key) == .onRestart && !key.hasPrefix("volatile.")
    }

    /// What a run began with. Nil for a run that an earlier version of lexd began.
    func configOfRun(_ key: String) async throws -> [String: String]? {
        try await read([String: String].self, host.paths(of: key).configFile)
    }

    /// The devices a run began with. Nil for a run that an earlier version of lexd began.
    func devicesOfRun(_ key: String) async throws -> [String: [String: String]]? {
        try await read([String: [String: String]].self, host.paths(of: key).startDevicesFile)
    }

    private func read<Value: Decodable & Sendable>(_ type: Value.Type, _ path: String) async throws -> Value? {
        let text = try await blocking { try? readFile(path, limit: 16 << 20) }
        return try text.map { try JSONCoding.decode(type, from: Data($0.utf8)) }
    }
}

/// An option of a device that a running instance takes at its next start.
struct WaitingOption: Hashable, Sendable {
    let device: String
    let option: String
}
