import Yams

/// YAML that a person wrote.
enum YAMLInput {
    /// Reads a document as one of LexAPI's types. Text may stand without quotes wherever text is expected; unknown keys
    /// are left out.
    static func decode<Value: Decodable>(_ type: Value.Type, from text: String) throws -> Value {
        // An empty document means "nothing in it", not an error.
        let text = text.allSatisfy(\.isWhitespace) ? "{}" : text
        do {
            return try YAMLDecoder().decode(type, from: text)
        } catch let error as DecodingError {
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
                .dataCorrupted(let context):
                let path = context.codingPath.map(\.stringValue).joined(separator: ".")
                let cause = context.underlyingError.map { ": \($0)" } ?? ""
                throw Failure(
                    "The YAML cannot be read\(path.isEmpty ? "" : " at \(path)"): \(context.debugDescription)\(cause)")
            @unknown default: throw Failure("The YAML cannot be read: \(error)")
            }
        }
    }
}
