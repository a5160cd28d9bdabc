import LexAPI

/// One condition of `lx image list`; an image is listed when it meets all of them.
enum ImageFilter {
    /// A part of an alias or of the fingerprint.
    case name(String)
    /// A field of the image as it is on the wire, or a property of it, perhaps shortened, and its value.
    case property(key: String, value: String, TextPattern?)

    static func parse(_ words: [String]) -> [ImageFilter] {
        words.map { word in
            KeyValues.split(word).map { .property(key: $0.key, value: $0.value, TextPattern($0.value)) } ?? .name(word)
        }
    }

    /// Takes the remote off the words, which may stand before the first filter or be all of the first word.
    static func target(_ words: [String]) throws -> (Remote, [String]) {
        guard let first = words.first, first.contains(":"), !first.contains("=") else { return (.local, words) }
        let reference = try Reference(first)
        return (reference.remote, (reference.name.isEmpty ? [] : [reference.name]) + words.dropFirst())
    }

    func accepts(_ image: Image) -> Bool {
        switch self {
        case .name(let text):
            return image.fingerprint.contains(text) || image.aliases.contains { $0.name.contains(text) }
        case .property(let key, let value, let pattern):
            if !value.contains(","), let fits = OwnFields.fit(image, key, value) { return fits }
            return image.properties.contains { entry in
                DottedKey.isShort(key, of: entry.key) && (pattern?.matches(entry.value) ?? (entry.value == value))
            }
        }
    }
}
