/// A path of the REST API with its query, ready for the wire.
struct RequestPath: Sendable, Equatable {
    var text: String

    /// Fills the parts in braces and appends the query in the order given.
    init(_ template: String, _ parts: [String: String], query: KeyValuePairs<String, String?>, project: String?) throws
    {
        var filled: [String] = []
        for piece in template.split(separator: "/", omittingEmptySubsequences: false) {
            guard piece.hasPrefix("{"), piece.hasSuffix("}") else {
                filled.append(String(piece))
                continue
            }
            let name = String(piece.dropFirst().dropLast())
            guard let value = parts[name], !value.isEmpty else {
                throw ClientError.missingPart(name: name, path: template)
            }
            filled.append(value.percentEncoded(keepingSlashes: false))
        }
        text = filled.joined(separator: "/")
        var pairs: [(String, String)] = query.compactMap { key, value in value.map { (key, $0) } }
        if let project, !pairs.contains(where: { $0.0 == "project" || $0.0 == "all-projects" }) {
            pairs.append(("project", project))
        }
        append(pairs)
    }

    /// Takes a path as a person wrote it; the query stays as it is.
    init(raw: String, project: String? = nil) {
        text = raw
        if let project, !raw.contains("project=") { append([("project", project)]) }
    }

    private mutating func append(_ pairs: [(String, String)]) {
        for (key, value) in pairs {
            text += text.contains("?") ? "&" : "?"
            text += key.percentEncoded(keepingSlashes: false) + "=" + value.percentEncoded(keepingSlashes: false)
        }
    }
}

extension String {
    /// The text with every byte outside RFC 3986's unreserved characters as `%XX`.
    func percentEncoded(keepingSlashes: Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            case UInt8(ascii: "/") where keepingSlashes:
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
