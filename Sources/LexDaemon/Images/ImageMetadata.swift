import LexAPI
import Yams

/// What an image says of itself in its `metadata.yaml`.
struct ImageMetadata: Sendable, Equatable {
    var architecture: String
    var createdAt: Timestamp
    var expiresAt: Timestamp
    var properties: [String: String]
    var templates: [String: Instance.Metadata.Template] = [:]

    /// The most bytes the file may have.
    static let largest = 1 << 20

    /// Reads the file's content, which is as untrusted as the image: no anchors or aliases (a few lines could stand
    /// for gigabytes), no depth beyond what metadata has.
    init(yaml: String) throws(APIError) {
        guard yaml.utf8.count <= Self.largest else {
            throw .badRequest("The image's metadata.yaml is larger than \(Self.largest) bytes")
        }
        let root = try YAMLBounds.compose(yaml, what: "The image's metadata.yaml")
        guard case .mapping(let mapping) = root else {
            throw .badRequest("The image's metadata.yaml is not a list of names and values")
        }
        guard let named = mapping["architecture"]?.scalar?.string, !named.isEmpty else {
            throw Self.mistake("has no architecture")
        }
        guard let known = Architecture.name(of: named) else {
            throw Self.mistake("has the unknown architecture \(Self.quoted(named))")
        }
        architecture = known
        guard let creation = mapping["creation_date"] else {
            throw Self.mistake("has no creation_date in seconds since 1970")
        }
        createdAt = try Self.time(creation, "creation_date")
        if let node = mapping["expiry_date"] {
            expiresAt = try Self.time(node, "expiry_date")
        } else {
            expiresAt = .epoch
        }
        if let node = mapping["properties"] {
            properties = try Self.properties(node, "properties")
        } else {
            properties = [:]
        }
        if let node = mapping["templates"] { templates = try Self.templates(node) }
    }

    /// The same as instances have it.
    var wire: Instance.Metadata {
        Instance.Metadata(
            architecture: architecture, creationDate: createdAt.seconds, expiryDate: expiresAt.seconds,
            properties: properties, templates: templates)
    }

    private static let largestTime: Int64 = 253_402_300_799

    private static func time(_ node: Node, _ key: String) throws(APIError) -> Timestamp {
        guard let text = node.scalar?.string, let seconds = Int64(text), seconds >= 0 else {
            throw mistake("has a \(key) that is no number of seconds since 1970")
        }
        return Timestamp(seconds: min(seconds, largestTime))
    }

    private static func properties(_ node: Node, _ place: String) throws(APIError) -> [String: String] {
        if isNull(node) { return [:] }
        guard case .mapping(let pairs) = node else { throw mistake("has \(place) that are not names and values") }
        var properties: [String: String] = [:]
        for (key, value) in pairs {
            guard let key = key.scalar?.string, let value = isNull(value) ? "" : value.scalar?.string else {
                throw mistake("has something among the \(place) that is not a name and a text")
            }
            guard properties.count < 256 else { throw mistake("has more than 256 \(place)") }
            guard key.utf8.count <= 255, value.utf8.count <= 65536, !key.utf8.contains(where: { $0 < 32 }),
                !value.utf8.contains(0)
            else {
                throw mistake("has something among the \(place) that is too long or cannot be printed: \(quoted(key))")
            }
            properties[key] = value
        }
        return properties
    }

    /// `PATH: {when: [create, …], create_only: BOOL, template: FILE, properties: {…}}`
    private static func templates(_ node: Node) throws(APIError) -> [String: Instance.Metadata.Template] {
        if isNull(node) { return [:] }
        guard case .mapping(let pairs) = node else {
            throw mistake("has templates that are not paths and what belongs there")
        }
        guard pairs.count <= MetadataRules.mostTemplates else {
            throw mistake("has more than \(MetadataRules.mostTemplates) templates")
        }
        var templates: [String: Instance.Metadata.Template] = [:]
        for (key, value) in pairs {
            let path = key.scalar?.string ?? ""
            let place = "template for \(quoted(path))"
            guard case .mapping(let fields) = value else { throw mistake("has a \(place) without fields") }
            var template = Instance.Metadata.Template(
                when: try moments(fields["when"], place), template: fields["template"]?.scalar?.string ?? "")
            if let only = fields["create_only"], !isNull(only) {
                let text = (only.scalar?.string ?? "").lowercased()
                guard ["true", "false", "yes", "no", "on", "off"].contains(text) else {
                    throw mistake("has a \(place) whose create_only is neither true nor false")
                }
                template.createOnly = ["true", "yes", "on"].contains(text)
            }
            if let node = fields["properties"] {
                template.properties = try properties(node, "properties of the \(place)")
            }
            templates[path] = template
        }
        if let wrong = MetadataRules.mistake(in: templates) { throw mistake(wrong) }
        return templates
    }

    private static func moments(_ node: Node?, _ place: String) throws(APIError) -> [String] {
        guard let node, !isNull(node) else { return [] }
        guard case .sequence(let words) = node else { throw mistake("has a \(place) whose \"when\" is no list") }
        return words.map { $0.scalar?.string ?? "" }
    }

    private static func isNull(_ node: Node) -> Bool {
        guard let scalar = node.scalar, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    private static func mistake(_ what: String) -> APIError { .badRequest("The image's metadata.yaml \(what)") }

    private static func quoted(_ text: String) -> String { String(reflecting: String(text.unicodeScalars.prefix(64))) }
}

/// The processors there are, by the names of uname(2), and what else they are called.
enum Architecture {
    private static let aliases: [String: String] = [
        "i386": "i686", "i586": "i686", "386": "i686", "x86": "i686", "generic_32": "i686", "amd64": "x86_64",
        "generic_64": "x86_64", "armel": "armv6l", "arm": "armv7l", "armhf": "armv7l", "armhfp": "armv7l",
        "armv7a_hardfp": "armv7l", "armv7": "armv7l", "armv7a_vfpv3_hardfp": "armv7l", "arm64": "aarch64",
        "arm64_generic": "aarch64", "powerpc": "ppc", "powerpc64": "ppc64", "ppc64el": "ppc64le",
        "mipsel": "mips", "mips64el": "mips64",
    ]
    private static let names: Set<String> = [
        "i686", "x86_64", "armv6l", "armv7l", "armv8l", "aarch64", "ppc", "ppc64", "ppc64le", "s390x", "mips",
        "mips64", "riscv32", "riscv64", "loongarch64",
    ]

    /// The name of uname(2) for one or another name; nil for what is none.
    static func name(of text: String) -> String? { names.contains(text) ? text : aliases[text] }
}

/// YAML from strangers, read with bounds.
enum YAMLBounds {
    /// The deepest nesting taken; what lexd reads has four levels.
    private static let deepest = 32
    /// The most opening brackets: a quoted one that closes would hide how deep the others go.
    private static let mostBrackets = 1000

    /// Reads one document. `what` begins the sentence of an error.
    static func compose(_ yaml: String, what: String) throws(APIError) -> Node {
        // Before the parser builds anything: brackets and dashes are all that can nest without growing in width.
        var depth = 0
        var brackets = 0
        for line in yaml.utf8.split(separator: UInt8(ascii: "\n")) {
            var dashes = 0
            var atStart = true
            for byte in line {
                switch byte {
                case UInt8(ascii: "["), UInt8(ascii: "{"):
                    depth += 1
                    brackets += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
                case UInt8(ascii: "-"), UInt8(ascii: "?"): if atStart { dashes += 1 }
                case UInt8(ascii: " "): break
                default: atStart = false
                }
                guard depth <= deepest, dashes <= deepest, brackets <= mostBrackets else {
                    throw .badRequest("\(what) is nested too deeply")
                }
            }
            guard line.prefix(while: { $0 == UInt8(ascii: " ") }).count <= 256 else {
                throw .badRequest("\(what) is nested too deeply")
            }
        }
        guard !hasAlias(yaml.utf8) else { throw .badRequest("\(what) uses YAML anchors, which lexd does not take") }
        let node: Node?
        do {
            let parser = try Parser(yaml: yaml)
            node = try parser.singleRoot()
        } catch {
            throw .badRequest("\(what) is not valid YAML: \(clip("\(error)"))")
        }
        guard let node else { throw .badRequest("\(what) is empty") }
        if hasAnchor(node, 0) { throw .badRequest("\(what) uses YAML anchors, which lexd does not take") }
        return node
    }

    /// Whether anything in the text could be an alias of an anchor in it: the parser itself takes years for an alias that
    /// stands for gigabytes and is the key of a mapping.
    private static func hasAlias(_ yaml: String.UTF8View) -> Bool {
        func isName(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        func names(after sign: UInt8) -> Set<[UInt8]> {
            var names: Set<[UInt8]> = []
            var rest = yaml[...]
            while let place = rest.firstIndex(of: sign) {
                rest = rest[rest.index(after: place)...]
                let name = rest.prefix(while: isName)
                if !name.isEmpty { names.insert(Array(name)) }
            }
            return names
        }
        return !names(after: UInt8(ascii: "&")).isDisjoint(with: names(after: UInt8(ascii: "*")))
    }

    private static func hasAnchor(_ node: Node, _ depth: Int) -> Bool {
        if node.anchor != nil || depth > deepest * 2 { return true }
        switch node {
        case .mapping(let mapping):
            return mapping.contains { hasAnchor($0.key, depth + 1) || hasAnchor($0.value, depth + 1) }
        case .sequence(let sequence): return sequence.contains { hasAnchor($0, depth + 1) }
        default: return false
        }
    }

    private static func clip(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).first.map { String($0.prefix(200)) } ?? ""
    }
}
