import LexHost
package import LexIPC
import Yams

/// How to make an image from a distribution's own package archive: data only, as YAML.
///
///     name: debian/12
///     suite: bookworm
///     variant: minbase            # mmdebstrap's: essential, apt, required, minbase, important, standard
///     components: [main]
///     packages: [systemd-sysv, dbus]
///     properties: {os: Debian, release: bookworm}
///     omitted: [usr/share/doc]    # left out of the image, with all below
///     files:                      # added, or put in place of what a package brought
///       - {path: etc/default/locale, mode: 0644, content: "LANG=C.UTF-8\n"}
///       - {path: etc/resolv.conf, link: ../run/systemd/resolve/stub-resolv.conf}
///     templates:                  # written anew for each instance
///       - {name: hostname.tpl, path: /etc/hostname, when: [create, copy], content: "{{ container.name }}\n"}
///
/// There are no hooks, no commands and no arguments; an unknown key is an error, and every word that reaches
/// mmdebstrap's command line matches a narrow pattern.
package struct ImageRecipe: Sendable, Equatable {
    /// What it is called: `debian/12`.
    package var name: String
    /// The release of the distribution, as its archive calls it.
    package var suite: String
    /// Which packages there are without being named.
    package var variant: String
    /// The parts of the archive that packages come from.
    package var components: [String]
    /// The packages beside those of the variant.
    package var packages: [String]
    /// The image's properties; the builder adds `architecture` and `serial`.
    package var properties: [String: String]
    /// What is left out of the image.
    package var omitted: [String]
    /// What is added to it.
    package var files: [AddedEntry]
    /// What is written anew for each instance.
    package var templates: [Template]

    /// A file of an instance that is written from a template.
    package struct Template: Sendable, Equatable {
        /// The name of the template in the image.
        package var name: String
        /// The file in the instance, by its absolute path.
        package var path: String
        /// On which events it is written: `create`, `copy`, `rename`, `start`.
        package var when: [String]
        /// Its content.
        package var content: String
    }

    /// Reads a recipe.
    /// - Parameters:
    ///   - yaml: Its text.
    ///   - source: Where the text is from, for errors.
    package init(yaml: String, source: String) throws(RecipeError) {
        do {
            guard let node = try Yams.compose(yaml: yaml) else { throw RecipeError(source, "it is empty") }
            var fields = try RecipeFields(node, "the recipe")
            name = try fields.word("name", matches: Patterns.isRecipeName)
            suite = try fields.word("suite", matches: Patterns.isSuite)
            variant = try fields.word("variant", matches: Patterns.variants.contains)
            components = try fields.words("components", matches: Patterns.isComponent)
            packages = try fields.words("packages", matches: Patterns.isPackage)
            properties = try fields.texts("properties", matches: Patterns.isProperty)
            omitted = try fields.optionalWords("omitted", matches: Patterns.isOmission)
            files = try fields.list("files").map { try Self.file($0) }
            templates = try fields.list("templates").map { try Self.template($0) }
            try fields.end()
        } catch let error as RecipeError {
            throw RecipeError(source, error.reason)
        } catch {
            throw RecipeError(source, "\(error)")
        }
        guard !components.isEmpty else { throw RecipeError(source, "\"components\" names none") }
    }

    private static func file(_ node: Node) throws -> AddedEntry {
        var fields = try RecipeFields(node, "a file")
        let path = try fields.word("path", matches: Patterns.isPath)
        let mode = try fields.optionalWord("mode", matches: Patterns.isMode) ?? "0644"
        let content = try fields.optionalText("content")
        let link = try fields.optionalWord("link", matches: Patterns.isLinkTarget)
        try fields.end()
        guard (content == nil) != (link == nil) else {
            throw RecipeError("", "the file \(path) must have either \"content\" or \"link\"")
        }
        return AddedEntry(path: path, content: content, target: link ?? "", mode: UInt32(mode, radix: 8) ?? 0o644)
    }

    private static func template(_ node: Node) throws -> Template {
        var fields = try RecipeFields(node, "a template")
        let template = Template(
            name: try fields.word("name", matches: Patterns.isTemplateName),
            path: try fields.word("path", matches: Patterns.isAbsolutePath),
            when: try fields.words("when", matches: Patterns.events.contains),
            content: try fields.text("content"))
        try fields.end()
        return template
    }
}

/// A recipe that cannot be used: which one and why.
package struct RecipeError: Error, Equatable, CustomStringConvertible {
    let source: String
    let reason: String
    init(_ source: String, _ reason: String) {
        self.source = source
        self.reason = reason
    }
    package var description: String { "cannot use the recipe \(source): \(reason)" }
}

extension ImageRecipe {
    /// All recipes in a directory, by name. A recipe that cannot be used is an error: one that is silently missing
    /// would be looked for in the wrong place. Waits for the disk.
    package static func all(in directory: String) throws -> [String: ImageRecipe] {
        var recipes: [String: ImageRecipe] = [:]
        for path in try recipeFiles(directory) {
            let recipe = try ImageRecipe(yaml: try readFile(path), source: path)
            guard recipes.updateValue(recipe, forKey: recipe.name) == nil else {
                throw RecipeError(path, "another recipe is called \"\(recipe.name)\" as well")
            }
        }
        return recipes
    }
}

/// The words a recipe may hold. None of them can begin an option, name a path outside the image or end a line.
private enum Patterns {
    static let variants: Set<String> = ["essential", "apt", "required", "minbase", "important", "standard"]
    static let events: Set<String> = ["create", "copy", "rename", "start"]

    private static let lower = "abcdefghijklmnopqrstuvwxyz"
    private static let digits = "0123456789"

    private static func matches(_ text: some StringProtocol, first: String, rest: String, most: Int) -> Bool {
        guard let head = text.first, first.contains(head), text.utf8.count <= most else { return false }
        return text.dropFirst().allSatisfy { rest.contains($0) }
    }
    static func isRecipeName(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return (1...3).contains(parts.count)
            && parts.allSatisfy { matches($0, first: lower + digits, rest: lower + digits + ".-", most: 32) }
    }
    static func isSuite(_ text: String) -> Bool { matches(text, first: lower, rest: lower + digits + "-", most: 32) }
    static func isComponent(_ text: String) -> Bool { matches(text, first: lower, rest: lower + "-", most: 32) }
    /// As Debian's policy has it, but not with the `-` at the end by which apt means "remove".
    static func isPackage(_ text: String) -> Bool {
        matches(text, first: lower + digits, rest: lower + digits + "+-.", most: 100) && text.utf8.count > 1
            && text.last != "-"
    }
    static func isProperty(_ text: String) -> Bool {
        matches(text, first: lower, rest: lower + digits + "_.-", most: 64)
    }
    static func isTemplateName(_ text: String) -> Bool {
        matches(text, first: lower + digits, rest: lower + digits + "_.-", most: 64)
    }
    static func isPath(_ text: String) -> Bool {
        let names = text.split(separator: "/", omittingEmptySubsequences: false)
        return text.utf8.count <= 1024
            && names.allSatisfy { name in
                !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
                    && name.unicodeScalars.allSatisfy { (0x21...0x7e).contains($0.value) && $0 != "*" }
            }
    }
    static func isOmission(_ text: String) -> Bool { isPath(text.last == "*" ? String(text.dropLast()) + "x" : text) }
    static func isAbsolutePath(_ text: String) -> Bool { text.first == "/" && isPath(String(text.dropFirst())) }
    static func isLinkTarget(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 1024 && text.unicodeScalars.allSatisfy { (0x21...0x7e).contains($0.value) }
    }
    static func isMode(_ text: String) -> Bool {
        (3...4).contains(text.count) && text.allSatisfy { ("0"..."7").contains($0) }
    }
}

/// The fields of a YAML mapping, each taken once; what is left at the end is an error.
private struct RecipeFields {
    private let what: String
    private var fields: [String: Node] = [:]

    init(_ node: Node, _ what: String) throws(RecipeError) {
        self.what = what
        guard let mapping = node.mapping else { throw RecipeError("", "\(what) is not a mapping of keys to values") }
        for (key, value) in mapping {
            guard let name = key.scalar?.string else { throw RecipeError("", "\(what) has a key that is no word") }
            fields[name] = value
        }
    }

    func end() throws(RecipeError) {
        guard let name = fields.keys.min() else { return }
        throw RecipeError("", "\(what) has an unknown key \"\(name)\"")
    }

    mutating func text(_ key: String) throws(RecipeError) -> String {
        guard let text = try optionalText(key) else { throw RecipeError("", "\(what) has no \"\(key)\"") }
        return text
    }
    mutating func optionalText(_ key: String) throws(RecipeError) -> String? {
        guard let node = fields.removeValue(forKey: key) else { return nil }
        guard let text = node.scalar?.string else { throw RecipeError("", "\"\(key)\" of \(what) is not a text") }
        return text
    }
    mutating func word(_ key: String, matches: (String) -> Bool) throws(RecipeError) -> String {
        try check(try text(key), key, matches)
    }
    mutating func optionalWord(_ key: String, matches: (String) -> Bool) throws(RecipeError) -> String? {
        guard let text = try optionalText(key) else { return nil }
        return try check(text, key, matches)
    }
    mutating func words(_ key: String, matches: (String) -> Bool) throws(RecipeError) -> [String] {
        guard fields[key] != nil else { throw RecipeError("", "\(what) has no \"\(key)\"") }
        return try optionalWords(key, matches: matches)
    }
    mutating func optionalWords(_ key: String, matches: (String) -> Bool) throws(RecipeError) -> [String] {
        var words: [String] = []
        for node in try list(key) {
            guard let text = node.scalar?.string else {
                throw RecipeError("", "\"\(key)\" of \(what) holds something that is no word")
            }
            words.append(try check(text, key, matches))
        }
        return words
    }
    mutating func list(_ key: String) throws(RecipeError) -> [Node] {
        guard let node = fields.removeValue(forKey: key) else { return [] }
        guard let sequence = node.sequence else { throw RecipeError("", "\"\(key)\" of \(what) is not a list") }
        return Array(sequence)
    }
    mutating func texts(_ key: String, matches: (String) -> Bool) throws(RecipeError) -> [String: String] {
        guard let node = fields.removeValue(forKey: key) else { throw RecipeError("", "\(what) has no \"\(key)\"") }
        var inner = try RecipeFields(node, "\"\(key)\"")
        var result: [String: String] = [:]
        for name in inner.fields.keys {
            let text = try inner.text(name)
            guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }) else {
                throw RecipeError("", "\"\(name)\" of \(what) holds something that cannot be printed")
            }
            result[try check(name, key, matches)] = text
        }
        return result
    }
    private func check(_ text: String, _ key: String, _ matches: (String) -> Bool) throws(RecipeError) -> String {
        guard matches(text) else {
            throw RecipeError("", "\"\(key)\" of \(what) cannot be \"\(text.prefix(100))\"")
        }
        return text
    }
}

private func recipeFiles(_ directory: String) throws -> [String] {
    var files: [String] = []
    for name in try directoryNames(directory) {
        let path = "\(directory)/\(name)"
        if name.hasSuffix(".yaml") {
            files.append(path)
        } else if !name.hasPrefix("."), !name.contains(".") {
            // One level down: a distribution's folder.
            files += try directoryNames(path).filter { $0.hasSuffix(".yaml") }.map { "\(path)/\($0)" }
        }
    }
    return files
}
