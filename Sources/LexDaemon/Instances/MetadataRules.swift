import LexAPI

/// What metadata and templates of an image may be, whether they come with the image or from who edits those of an instance.
enum MetadataRules {
    /// The most files that can be made from templates.
    static let mostTemplates = 256
    /// The most bytes of all templates together.
    static let largestTemplates = 512 << 10
    /// The most bytes of the metadata as JSON; with the templates it must fit into the store.
    static let largestMetadata = 256 << 10

    /// What is wrong with what a `metadata.yaml` says of templates, as the rest of a sentence.
    static func mistake(in templates: [String: Instance.Metadata.Template]) -> String? {
        guard templates.count <= mostTemplates else { return "has more than \(mostTemplates) templates" }
        for (path, template) in templates.sorted(by: { $0.key < $1.key }) {
            guard path.hasPrefix("/"), path.utf8.count < 4096, !path.utf8.contains(where: { $0 < 32 || $0 == 127 }),
                path.split(separator: "/").allSatisfy({ $0 != ".." && $0.utf8.count <= 255 }),
                path.contains(where: { $0 != "/" })
            else { return "has a template for \(quoted(path)), which is no absolute path without \"..\"" }
            let place = "template for \(quoted(path))"
            guard isFileName(template.template) else {
                return "has a \(place) that names no file of templates/ (\"template\")"
            }
            guard template.when.count <= 16 else { return "has a \(place) whose \"when\" is no list of a few words" }
            for word in template.when where !["create", "copy", "rename", "start"].contains(word) {
                return "has a \(place) whose \"when\" has \(quoted(word)); there are create, copy, rename and start"
            }
        }
        return nil
    }

    /// Whether a name can be that of a template: a file right below `templates/`.
    static func isFileName(_ name: String) -> Bool {
        (1...255).contains(name.utf8.count) && name != "." && name != ".."
            && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 < 32 || $0 == 127 }
    }

    static func quoted(_ text: String) -> String { String(reflecting: String(text.unicodeScalars.prefix(64))) }
}
