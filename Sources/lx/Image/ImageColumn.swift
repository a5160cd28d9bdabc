import LexAPI

/// A column of `lx image list`.
enum ImageColumn: Character, CaseIterable {
    case alias = "l"
    case aliases = "L"
    case fingerprint = "f"
    case wholeFingerprint = "F"
    case isPublic = "p"
    case description = "d"
    case architecture = "a"
    case type = "t"
    case size = "s"
    case uploaded = "u"

    static let standard = "lfpdatsu"

    static func parse(_ text: String) throws -> [ImageColumn] {
        try text.split(separator: ",", omittingEmptySubsequences: false).flatMap { entry in
            guard !entry.isEmpty else {
                throw Failure("There is an empty column in \"\(text)\": a comma too many, or nothing at all")
            }
            return try entry.map { letter in
                guard let column = ImageColumn(rawValue: letter) else {
                    throw Failure(
                        "There is no column \"\(letter)\" (in \"\(entry)\"); lx image list --help shows them all")
                }
                return column
            }
        }
    }

    var title: String {
        switch self {
        case .alias: "ALIAS"
        case .aliases: "ALIASES"
        case .fingerprint, .wholeFingerprint: "FINGERPRINT"
        case .isPublic: "PUBLIC"
        case .description: "DESCRIPTION"
        case .architecture: "ARCHITECTURE"
        case .type: "TYPE"
        case .size: "SIZE"
        case .uploaded: "UPLOAD DATE"
        }
    }

    var summary: String {
        switch self {
        case .alias: "shortest alias, and how many others there are"
        case .aliases: "all aliases"
        case .fingerprint: "fingerprint, short"
        case .wholeFingerprint: "fingerprint"
        case .isPublic: "whether strangers may see it"
        case .description: "description"
        case .architecture: "architecture"
        case .type: "type"
        case .size: "size"
        case .uploaded: "when it came to the server"
        }
    }

    func text(_ image: Image) -> String {
        switch self {
        case .alias:
            let names = image.aliases.map(\.name).sorted { ($0.count, $0) < ($1.count, $1) }
            guard let first = names.first else { return "" }
            return names.count == 1 ? first : "\(first) (\(names.count - 1) more)"
        case .aliases: return image.aliases.map(\.name).joined(separator: "\n")
        case .fingerprint: return String(image.fingerprint.prefix(12))
        case .wholeFingerprint: return image.fingerprint
        case .isPublic: return image.public ? "yes" : "no"
        case .description: return image.properties["description"] ?? ""
        case .architecture: return image.architecture
        case .type: return image.type.uppercased()
        case .size: return Quantities.imageSize(image.size)
        case .uploaded: return Quantities.upload(image.uploadedAt)
        }
    }
}
