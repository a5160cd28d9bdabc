/// How long something counts, in LXD's words: `5M 3H`, with M for minutes, H hours, d days, w weeks, m months, y years.
public struct Expiry: ConfigValue, Equatable {
    /// The text.
    public let text: String

    /// Numbers, each with its unit, with spaces between; each unit once.
    public init?(configText: String) {
        var units: Set<Character> = []
        for part in configText.split(separator: " ") {
            guard let unit = part.last, "SMHdwmy".contains(unit), units.insert(unit).inserted,
                Digits.number(part.dropLast()) != nil
            else { return nil }
        }
        guard !units.isEmpty else { return nil }
        text = configText
    }
    /// In the words of an error message.
    public static var allowedText: String { "a time such as 30M, 3H or 1d 12H (M minutes, H hours, d, w, m, y)" }
    /// In the manual.
    public static var typeName: String { "expiry" }
}

/// How something is packed.
public enum Compression: String, ConfigValue, CaseIterable {
    /// Slow and small.
    case bzip2
    /// What everybody reads.
    case gzip
    /// An older form of xz.
    case lzma
    /// Not at all.
    case none
    /// Slow and smallest.
    case xz
    /// Quick and small.
    case zstd

    /// One of the words.
    public init?(configText: String) { self.init(rawValue: configText) }
    /// In the words of an error message.
    public static var allowedText: String { "one of \(allCases.map(\.rawValue).joined(separator: ", "))" }
    /// In the manual.
    public static var typeName: String { "compression" }
}

/// Where a server listens: a host or address, with a port where it is not the usual one.
public struct ListenAddress: ConfigValue, Equatable {
    /// The text.
    public let text: String

    /// `192.0.2.1`, `192.0.2.1:8443`, `[::]:8443`, `:8443`, a host's name.
    public init?(configText: String) {
        var host = configText[...]
        var port: Substring?
        if host.hasPrefix("[") {
            guard let end = host.lastIndex(of: "]") else { return nil }
            let rest = host[host.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            port = rest.isEmpty ? nil : rest.dropFirst()
            host = host[host.index(after: host.startIndex)..<end]
            guard !host.isEmpty else { return nil }
        } else if host.filter({ $0 == ":" }).count == 1, let colon = host.lastIndex(of: ":") {
            port = host[host.index(after: colon)...]
            host = host[..<colon]
        }
        if let port {
            guard let number = Digits.number(port), (0...65535).contains(number) else { return nil }
        }
        guard host.utf8.count <= 253, host.utf8.allSatisfy({ Self.allowed.contains($0) }),
            !(host.isEmpty && port == nil)
        else { return nil }
        text = configText
    }

    private static let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_%".utf8)
    /// In the words of an error message.
    public static var allowedText: String { "an address such as 192.0.2.1:8443, [::]:8443 or :8443" }
    /// In the manual.
    public static var typeName: String { "address" }
}
