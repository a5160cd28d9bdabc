import Glibc
import LexIPC

/// The layers that a root or a snapshot of one stands on above its image, the topmost first. Nothing changes a layer.
///
/// It is kept as the target of a symbolic link that leads nowhere: after a crash of the machine a link is there as a whole
/// or not at all, without a wait for the disk.
struct LayerChain: Equatable {
    /// More than these below a root would make it slow, and more than a kernel before 6.7 takes to look through them.
    static let deepest = 10

    /// The names of the layers.
    var layers: [String] = []
    /// Whether the last of them holds all files, so that there is no image below it.
    var isWhole = false

    init(_ layers: [String] = [], isWhole: Bool = false) {
        self.layers = layers
        self.isWhole = isWhole
    }

    /// The chain in a directory, which without one is empty; throws for what cannot be one.
    init(in directory: String, _ name: String = LayerChain.name) throws(SystemError) {
        let path = "\(directory)/\(name)"
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        if count < 0 {
            guard errno == ENOENT else { throw SystemError("read the link", path) }
            return
        }
        var words = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
            separator: ":", omittingEmptySubsequences: false
        ).map(String.init)
        if words.last == Self.whole {
            isWhole = true
            words.removeLast()
        }
        guard !words.isEmpty, words.allSatisfy(Self.isName) else {
            throw SystemError("understand the link", path, code: EINVAL)
        }
        layers = words
    }

    static let name = "below"
    static let nextName = "below.next"
    private static let whole = "whole"

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 32
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
    }

    /// Another layer upon these.
    func adding(_ layer: String) -> LayerChain { LayerChain([layer] + layers, isWhole: isWhole) }

    /// Writes it into a directory where there is none; an empty one is none.
    func write(in directory: String, _ name: String = LayerChain.name) throws(SystemError) {
        guard !layers.isEmpty else { return }
        let path = "\(directory)/\(name)"
        let text = (layers + (isWhole ? [Self.whole] : [])).joined(separator: ":")
        try checked("make the link", path) { symlink(text, path) }
    }
}
