import LexClient

/// A URL of the API that stands for a thing: `/1.0/instances/web?project=default`.
struct ResourceURL: Equatable {
    /// `instances`, `images`, `profiles`, `networks` or `volumes`.
    let kind: String
    let name: String
    /// The project, when it is not the default one.
    let project: String?

    init?(_ url: String) {
        let halves = url.split(separator: "?", maxSplits: 1)
        let parts = (halves.first ?? "").split(separator: "/").map { Self.decoded($0) }
        guard parts.count >= 3, parts[0] == "1.0" else { return nil }
        if parts.count >= 6, parts[1] == "storage-pools", parts[3] == "volumes" {
            kind = "volumes"
            name = parts[5]
        } else {
            kind = parts[1]
            name = parts[2]
        }
        let query = halves.count == 2 ? halves[1].split(separator: "&") : []
        project = query.first { $0.hasPrefix("project=") }.map { Self.decoded($0.dropFirst("project=".count)) }
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
