/// The names of makers and models by their numbers, from the lists that distributions ship (`pci.ids`, `usb.ids`).
///
/// Each list is read when first asked, and only what is asked for is looked up in it.
final class DeviceNames {
    private let tree: KernelTree
    private lazy var pci = read("pci.ids")
    private lazy var usb = read("usb.ids")

    init(tree: KernelTree) { self.tree = tree }

    private static let directories = ["/usr/share/misc", "/usr/share/hwdata", "/var/lib/usbutils", "/var/lib/pciutils"]

    private struct Maker {
        var name: String
        var models: [String: String] = [:]
    }

    func pciVendor(_ vendor: String) -> String? { pci[vendor]?.name }
    func pciProduct(_ vendor: String, _ product: String) -> String? { pci[vendor]?.models[product] }
    func usbVendor(_ vendor: String) -> String? { usb[vendor]?.name }
    func usbProduct(_ vendor: String, _ product: String) -> String? { usb[vendor]?.models[product] }

    /// Makers stand at the beginning of a line, their models after one tab, what is in models after two. The classes
    /// at the end begin with a letter and a space.
    private func read(_ file: String) -> [String: Maker] {
        guard let path = Self.directories.map({ "\($0)/\(file)" }).first(where: { tree.isThere($0) }),
            let bytes = tree.bytes(path, limit: 16 << 20)
        else { return [:] }
        var makers: [String: Maker] = [:]
        var maker: String?
        for line in bytes.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
            let depth = line.prefix { $0 == 9 }.count
            guard depth < 2 else { continue }
            let content = line.dropFirst(depth)
            let number = String(decoding: content.prefix(4), as: UTF8.self)
            let isEntry = content.count > 6 && content.dropFirst(4).prefix(2).allSatisfy { $0 == 32 }
            guard isEntry, number.allSatisfy(\.isHexDigit) else {
                if depth == 0 { maker = nil }
                continue
            }
            let name = String(decoding: content.dropFirst(6), as: UTF8.self)
            if depth == 0 {
                maker = number
                makers[number] = Maker(name: name)
            } else if let maker {
                makers[maker]?.models[number] = name
            }
        }
        return makers
    }
}
