import LexAPI

/// What `lx storage info` says of a pool.
enum PoolReport {
    static func tree(_ pool: StoragePool, _ resources: StoragePool.Resources, bytes: Bool) throws -> Tree {
        func size(_ amount: UInt64) -> String {
            bytes ? String(amount) : Quantities.binarySize(Int64(clamping: amount))
        }
        let info = [
            "name": pool.name, "driver": pool.driver, "description": pool.description,
            "space used": size(resources.space.used), "total space": size(resources.space.total),
        ]
        var users: [String: [String]] = [:]
        for url in pool.usedBy ?? [] {
            guard let user = ResourceURL(url) else { continue }
            users[user.kind, default: []].append(user.name + (user.project.map { " (project \"\($0)\")" } ?? ""))
        }
        return .map([
            .init(name: "info", value: try Tree(info)),
            .init(name: "used by", value: try Tree(users.mapValues { $0.sorted() })),
        ])
    }
}
