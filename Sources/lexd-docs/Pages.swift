import LexAPI

/// The pages of the manual that follow from the declarations.
enum Pages {
    private static let notice = "<!-- Made by `make generate` from the declarations in Sources/LexAPI. -->\n\n"

    /// All configuration keys.
    static func configurationKeys(_ metadata: ConfigurationMetadata = .all) -> String {
        var page = notice + "# Configuration keys\n"
        for (entity, groups) in metadata.configs.sorted(by: { $0.key < $1.key }) {
            page += "\n## \(entity)\n"
            for (group, keys) in groups.sorted(by: { $0.key < $1.key }) {
                page += "\n### \(entity): \(group)\n\n"
                page += "| key | value | default | changes at once | what it does |\n|---|---|---|---|---|\n"
                for entry in keys.keys {
                    for (name, key) in entry {
                        let description = [key.shortdesc, key.longdesc].filter { !$0.isEmpty }.joined(separator: " ")
                        let row = [
                            "`\(name)`", key.type, key.defaultdesc.isEmpty ? "" : "`\(key.defaultdesc)`",
                            key.liveupdate, description,
                        ]
                        page += "| " + row.map(cell).joined(separator: " | ") + " |\n"
                    }
                }
            }
        }
        return page
    }

    /// All endpoints.
    static func endpoints(_ endpoints: [any AnyEndpoint] = API.all) -> String {
        var page = notice + "# REST API\n\nThe same for programs: [openapi.json](openapi.json).\n"
        let shown = endpoints.filter { !$0.path.hasPrefix("/internal") }
        for (tag, endpoints) in Dictionary(grouping: shown, by: OpenAPI.tag).sorted(by: { $0.key < $1.key }) {
            page += "\n## \(tag)\n\n| request | what it does | sends | answers | query |\n|---|---|---|---|---|\n"
            let order = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
            let sorted = endpoints.sorted {
                ($0.path, order.firstIndex(of: $0.method.rawValue) ?? 0)
                    < ($1.path, order.firstIndex(of: $1.method.rawValue) ?? 0)
            }
            for endpoint in sorted {
                let row = [
                    "`\(endpoint.method.rawValue) \(endpoint.path)`", endpoint.summary,
                    endpoint.bodyType.map { "`\(name($0))`" } ?? (sendsBytes(endpoint) ? "bytes" : ""),
                    endpoint.replyType.map { "`\(name($0))`" } ?? (endpoint.isRaw ? "bytes" : ""),
                    endpoint.queryParameters.map { "`\($0.name)`" }.joined(separator: " "),
                ]
                page += "| " + row.map(cell).joined(separator: " | ") + " |\n"
            }
        }
        return page
    }

    private static func sendsBytes(_ endpoint: any AnyEndpoint) -> Bool {
        (endpoint as? RawEndpoint)?.takesBytes == true
    }

    private static func name(_ type: Any.Type) -> String {
        String(reflecting: type).replacing("LexAPI.", with: "").replacing("Swift.", with: "")
    }

    private static func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }
}
