/// The name of an instance, built only from text that is one: a DNS label (RFC 1123), 1 to 63 characters.
///
/// Paths, cgroups, links and DNS entries are made from it, so nothing else may ever stand in its place.
public struct InstanceName: Sendable, Hashable, CustomStringConvertible {
    /// The text.
    public let text: String

    /// Checks the text; the error's words are LXD's.
    public init(_ text: String) throws(APIError) {
        func refuse(_ why: String) -> APIError { .badRequest("Invalid instance name: Name \(why)") }
        guard (1...63).contains(text.utf8.count) else { throw refuse("must be 1-63 characters long") }
        guard text.utf8.allSatisfy({ Self.isLetter($0) || Self.isDigit($0) || $0 == UInt8(ascii: "-") }) else {
            throw refuse("can only contain alphanumeric and hyphen characters")
        }
        guard let first = text.utf8.first, !Self.isDigit(first) else { throw refuse("must not start with a number") }
        guard first != UInt8(ascii: "-") else { throw refuse("must not start with \"-\" character") }
        guard text.utf8.last != UInt8(ascii: "-") else { throw refuse("must not end with \"-\" character") }
        self.text = text
    }

    /// The text.
    public var description: String { text }

    static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}

/// The SHA-256 of an image in 64 lower-case hexadecimal digits.
public struct Fingerprint: Sendable, Hashable, CustomStringConvertible {
    /// The digits.
    public let text: String

    /// Takes exactly 64 lower-case hexadecimal digits.
    public init?(_ text: String) {
        guard text.utf8.count == 64, Self.isPrefix(text) else { return nil }
        self.text = text
    }

    /// Whether the text could be the beginning of a fingerprint.
    public static func isPrefix(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                InstanceName.isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }

    /// The digits.
    public var description: String { text }
}

/// Rules for the names of things that are not instances.
public enum ObjectName {
    /// Throws unless the text can name a profile, an alias or a pool: no slash, no space, no control character,
    /// no combining accent, neither `.` nor `..`, at most 64 bytes.
    public static func validate(_ text: String, what: String) throws(APIError) {
        guard !text.isEmpty else { throw .badRequest("No name provided for the \(what)") }
        // Bytes, not characters: a slash with a combining accent is another character, but still ends a path's name.
        guard !text.utf8.contains(UInt8(ascii: "/")) else {
            throw .badRequest("\(what.capitalizedFirst) names may not contain slashes")
        }
        guard text != ".", text != ".." else { throw .badRequest("Invalid \(what) name \"\(text)\"") }
        guard text.utf8.count <= 64 else {
            throw .badRequest("\(what.capitalizedFirst) names have at most 64 bytes; this one has \(text.utf8.count)")
        }
        guard text.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) else {
            throw .badRequest("\(what.capitalizedFirst) names may not contain spaces or control characters")
        }
        // The same letter as one scalar and as two would be one name here and two names in the store.
        guard text.unicodeScalars.allSatisfy({ $0.properties.canonicalCombiningClass == .notReordered }) else {
            throw .badRequest("\(what.capitalizedFirst) names may not contain combining accents")
        }
    }

    /// Throws unless the text can name a snapshot.
    public static func validateSnapshot(_ text: String) throws(APIError) {
        guard !text.utf8.contains(UInt8(ascii: "/")) else {
            throw .badRequest("Invalid snapshot name: Cannot contain \"/\"")
        }
        try validate(text, what: "snapshot")
    }

    /// Throws unless the text can name a project: 1 to 63 letters, digits, dots and hyphens, a letter or digit first.
    ///
    /// Control groups, directories and links are named after it; no underscore, which parts it there from an instance's
    /// name.
    public static func validateProject(_ text: String) throws(APIError) {
        guard !text.isEmpty else { throw .badRequest("No name provided") }
        guard !text.utf8.contains(UInt8(ascii: "/")) else {
            throw .badRequest("Project names may not contain slashes")
        }
        guard !text.utf8.contains(UInt8(ascii: " ")) else { throw .badRequest("Project names may not contain spaces") }
        guard !text.utf8.contains(UInt8(ascii: "_")) else {
            throw .badRequest("Project names may not contain underscores")
        }
        guard text.utf8.count <= 63 else {
            throw .badRequest("Project names have at most 63 characters; this one has \(text.utf8.count)")
        }
        let isPlain = text.utf8.allSatisfy {
            InstanceName.isLetter($0) || InstanceName.isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        }
        guard isPlain, let first = text.utf8.first, InstanceName.isLetter(first) || InstanceName.isDigit(first) else {
            throw .badRequest(
                "Invalid project name \"\(clipped(text))\": use letters, digits, \"-\" and \".\", and begin with a letter or "
                    + "digit")
        }
    }

    /// Throws unless the text can name a network interface; the words are LXD's.
    public static func validateInterface(_ text: String) throws(APIError) {
        guard text.utf8.count >= 2 else { throw .badRequest("Network interface is too short (minimum 2 characters)") }
        guard text.utf8.count <= 15 else { throw .badRequest("Network interface is too long (maximum 15 characters)") }
        guard text != ".." else { throw .badRequest("Network interface name must not be \"..\"") }
        let extra = "-_.".utf8
        guard
            text.utf8.allSatisfy({ InstanceName.isLetter($0) || InstanceName.isDigit($0) || extra.contains($0) })
        else {
            throw .badRequest(
                "Network interface contains invalid characters: use letters, digits, \"-\", \"_\" and \".\"")
        }
    }
}

extension String {
    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
