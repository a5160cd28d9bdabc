import LexAPI
import Yams

/// What an image says of itself in its `metadata.yaml`.
struct ImageMetadata: Sendable, Equatable {
    var architecture: String
    var createdAt: Timestamp
    var expiresAt: Timestamp
    var properties: [String: String]

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
        guard let architecture = mapping["architecture"]?.scalar?.string, !architecture.isEmpty else {
            throw .badRequest("The image's metadata.yaml has no architecture")
        }
        guard architecture.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") }),
            architecture.utf8.count <= 32
        else { throw .badRequest("The image's metadata.yaml has an architecture that is none") }
        self.architecture = architecture
        guard let creation = mapping["creation_date"]?.scalar?.string, let created = Int64(creation), created >= 0
        else {
            throw .badRequest("The image's metadata.yaml has no creation_date in seconds since 1970")
        }
        createdAt = Timestamp(seconds: min(created, 253_402_300_799))
        let expiry = mapping["expiry_date"]?.scalar.flatMap { Int64($0.string) } ?? 0
        expiresAt = expiry > 0 ? Timestamp(seconds: min(expiry, 253_402_300_799)) : .epoch
        var properties: [String: String] = [:]
        if let node = mapping["properties"] {
            guard case .mapping(let pairs) = node else {
                throw .badRequest("The properties in the image's metadata.yaml are not names and values")
            }
            for (key, value) in pairs {
                guard let key = key.scalar?.string, let value = value.scalar?.string else {
                    throw .badRequest("A property in the image's metadata.yaml is not a name and a text")
                }
                guard properties.count < 256, key.utf8.count <= 255, value.utf8.count <= 65536,
                    !key.utf8.contains(where: { $0 < 32 }), !value.utf8.contains(0)
                else { throw .badRequest("The image's metadata.yaml has too many, too long or unprintable properties") }
                properties[key] = value
            }
        }
        self.properties = properties
    }
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
