import LexAPI
import LexClient
import LexHost
import Logging

/// The server that a preseed is applied to, as its API shows it.
///
/// Requests are made by path: a preseed says what the server's objects are made of, and whatever the server knows may
/// stand in it.
struct PreseedServer {
    private let client: Client

    init(_ client: Client) { self.client = client }

    /// Asks the server; throws what it refuses with.
    @discardableResult
    func ask(_ method: LexAPI.Method, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
        let answer = try await client.raw(
            method, path, body: body.map { Array($0.jsonText.utf8) },
            headers: body == nil ? [] : [("Content-Type", "application/json")])
        let envelope = try JSONValue.parse(answer.body)
        guard answer.status < 400 else {
            throw APIError(status: answer.status, envelope["error"]?.text ?? "the server refused: \(answer.status)")
        }
        guard envelope["type"] == "async", let operation = envelope["operation"]?.text else {
            return envelope["metadata"] ?? .null
        }
        let end = try await ask(.get, "\(operation)/wait")
        if let reason = end["err"]?.text, !reason.isEmpty { throw APIError.failed(reason) }
        return end
    }

    /// The object at a path, nil when there is none.
    func find(_ path: String) async throws -> JSONValue? {
        do { return try await ask(.get, path) } catch let error as APIError where error.status == 404 { return nil }
    }

    /// What the server has.
    func present() async throws -> PresentServer {
        PresentServer(
            server: try await ask(.get, "/1.0"), networks: try await list("/1.0/networks"),
            pools: try await list("/1.0/storage-pools"), profiles: try await list("/1.0/profiles"),
            projects: try await list("/1.0/projects"))
    }

    private func list(_ path: String) async throws -> [JSONValue] {
        try await ask(.get, "\(path)?recursion=1").elements ?? []
    }

    /// Makes the server have all of it. What was done is undone when something fails.
    func apply(_ preseed: Preseed) async throws {
        try await withRollback(Logger(label: "lexd-init")) { rollback in
            try await step("update server configuration") { try await apply(preseed.config ?? [:], rollback) }
            for pool in preseed.storagePools ?? [] {
                try await step("configure storage pool \"\(pool.name)\"") { try await apply(pool, rollback) }
            }
            for project in preseed.projects ?? [] {
                try await step("configure project \"\(project.name)\"") { try await apply(project, rollback) }
            }
            for network in preseed.networks ?? [] {
                try await step("configure network \"\(network.name)\"") { try await apply(network, rollback) }
            }
            for volume in preseed.storageVolumes ?? [] {
                try await step("configure storage volume \"\(volume.name)\" in pool \"\(volume.pool)\"") {
                    try await apply(volume, rollback)
                }
            }
            for profile in preseed.profiles ?? [] {
                try await step("configure profile \"\(profile.name)\"") { try await apply(profile, rollback) }
            }
        }
    }

    private func step(_ what: String, _ body: () async throws -> Void) async throws {
        do { try await body() } catch { throw InitFailure("Failed to \(what): \(error)") }
    }

    private func apply(_ config: [String: String], _ rollback: Rollback) async throws {
        guard !config.isEmpty else { return }
        let before = try await ask(.get, "/1.0")["config"] ?? [:]
        try await ask(.patch, "/1.0", ["config": .text(config)])
        await rollback.add("restore the server's configuration") {
            // What is left out of a replacement is taken away.
            try await ask(.put, "/1.0", ["config": before])
        }
    }

    private func apply(_ pool: Preseed.Pool, _ rollback: Rollback) async throws {
        let path = "/1.0/storage-pools/\(Self.escaped(pool.name))"
        if let present = try await find(path) {
            let driver = present["driver"]?.text ?? ""
            if let wanted = pool.driver, wanted != driver {
                throw APIError.badRequest("it is of type \"\(driver)\" instead of \"\(wanted)\"")
            }
            return try await change(path, present, pool.config, pool.description, rollback)
        }
        try await make(
            "/1.0/storage-pools", path,
            [
                "name": .string(pool.name), "driver": .string(pool.driver ?? ""),
                "description": .string(pool.description ?? ""), "config": .text(pool.config),
            ], rollback)
    }

    private func apply(_ network: Preseed.Network, _ rollback: Rollback) async throws {
        let query = Self.query(network.project)
        let path = "/1.0/networks/\(Self.escaped(network.name))\(query)"
        if let present = try await find(path), present["managed"] == true {
            return try await change(path, present, network.config, network.description, rollback)
        }
        try await make(
            "/1.0/networks\(query)", path,
            [
                "name": .string(network.name), "type": .string(network.type ?? ""),
                "description": .string(network.description ?? ""), "config": .text(network.config),
            ], rollback)
    }

    private func apply(_ project: Preseed.Project, _ rollback: Rollback) async throws {
        let path = "/1.0/projects/\(Self.escaped(project.name))"
        if let present = try await find(path) {
            return try await change(path, present, project.config, project.description, rollback)
        }
        try await make(
            "/1.0/projects", path,
            [
                "name": .string(project.name), "description": .string(project.description ?? ""),
                "config": .text(project.config),
            ], rollback)
    }

    private func apply(_ volume: Preseed.Volume, _ rollback: Rollback) async throws {
        let type = volume.type ?? "custom"
        let query = Self.query(volume.project)
        let all = "/1.0/storage-pools/\(Self.escaped(volume.pool))/volumes/\(Self.escaped(type))"
        let path = "\(all)/\(Self.escaped(volume.name))\(query)"
        if let present = try await find(path) {
            return try await change(path, present, volume.config, volume.description, rollback)
        }
        try await make(
            "\(all)\(query)", path,
            [
                "name": .string(volume.name), "type": .string(type),
                "content_type": .string(volume.contentType ?? "filesystem"),
                "description": .string(volume.description ?? ""), "config": .text(volume.config),
            ], rollback)
    }

    private func apply(_ profile: Preseed.Profile, _ rollback: Rollback) async throws {
        let query = Self.query(profile.project)
        let path = "/1.0/profiles/\(Self.escaped(profile.name))\(query)"
        let devices = JSONValue.object((profile.devices ?? [:]).mapValues { .text($0) })
        if let present = try await find(path) {
            // A device that is named is replaced whole.
            let merged = (present["devices"]?.members ?? [:]).merging(devices.members ?? [:]) { $1 }
            return try await change(
                path, present, profile.config, profile.description, devices: .object(merged), rollback)
        }
        try await make(
            "/1.0/profiles\(query)", path,
            [
                "name": .string(profile.name), "description": .string(profile.description ?? ""),
                "config": .text(profile.config), "devices": devices,
            ], rollback)
    }

    private func make(_ list: String, _ path: String, _ body: JSONValue, _ rollback: Rollback) async throws {
        try await ask(.post, list, body)
        await rollback.add("remove \(path)") { try await ask(.delete, path) }
    }

    /// Puts what is wanted over what is there; asks for nothing when that is the same.
    private func change(
        _ path: String, _ present: JSONValue, _ config: [String: String]?, _ description: String?,
        devices: JSONValue? = nil, _ rollback: Rollback
    ) async throws {
        var before: [String: JSONValue] = [
            "config": present["config"] ?? [:], "description": present["description"] ?? "",
        ]
        if devices != nil { before["devices"] = present["devices"] ?? [:] }
        var after = before
        let merged = (present["config"]?.members ?? [:]).merging(JSONValue.text(config).members ?? [:]) { $1 }
        after["config"] = .object(merged)
        if let description, !description.isEmpty { after["description"] = .string(description) }
        if let devices { after["devices"] = devices }
        guard after != before else { return }
        try await ask(.put, path, .object(after))
        let old = JSONValue.object(before)
        await rollback.add("restore \(path)") { try await ask(.put, path, old) }
    }

    private static func query(_ project: String?) -> String {
        guard let project, !project.isEmpty, project != LexAPI.Project.defaultName else { return "" }
        return "?project=\(escaped(project))"
    }

    /// A name as a part of a path (RFC 3986).
    private static func escaped(_ name: String) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for byte in name.utf8 {
            if plain.contains(byte) {
                text.append(byte)
            } else {
                text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension JSONValue {
    /// A configuration.
    static func text(_ values: [String: String]?) -> JSONValue { .object((values ?? [:]).mapValues { .string($0) }) }
}
