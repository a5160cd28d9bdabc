import Crypto
import FoundationEssentials
import LexAPI
import NIOHTTP1

/// An object with the tag of its writable part.
struct Tagged<Value: Sendable>: Sendable {
    let value: Value
    let tag: String

    /// The tag is the SHA-256 of the writable part's JSON; to clients it is opaque.
    init(_ value: Value, writable: some Encodable) throws {
        self.value = value
        tag = try ETag.of(writable)
    }
}

enum ETag {
    static func of(_ writable: some Encodable) throws -> String {
        hex(SHA256.hash(data: try JSONCoding.encode(writable)))
    }

    /// Throws a 412 when the request was made for another state of the object than the present one.
    static func check(_ request: Request, writable: some Encodable) throws {
        try check(request.headers, writable: writable)
    }
    /// The same by the request's headers.
    static func check(_ headers: HTTPHeaders, writable: some Encodable) throws {
        guard let wanted = headers.first(name: "if-match"), !wanted.isEmpty else { return }
        let bare =
            wanted.hasPrefix("\"") && wanted.hasSuffix("\"") && wanted.count >= 2
            ? String(wanted.dropFirst().dropLast()) : wanted
        let present = try of(writable)
        guard bare == "*" || bare == present else {
            throw APIError.preconditionFailed("ETag doesn't match: \(present) vs \(bare)")
        }
    }
}

/// Bytes in lower-case hexadecimal digits.
func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
