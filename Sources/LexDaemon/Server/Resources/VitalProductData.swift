import LexAPI
import LexIPC

/// What its maker wrote into a PCI device (PCI Local Bus Specification 3.0, appendix I).
enum VitalProductData {
    /// Reads it as far as it is whole; a device may hold anything there.
    static func read(_ bytes: [UInt8]) -> Resources.PCI.VPD {
        var vpd = Resources.PCI.VPD()
        var rest = bytes[...]
        while let tag = rest.popFirst(), tag != 0x78 {
            let length: Int
            if tag & 0x80 != 0 {
                guard let low = rest.popFirst(), let high = rest.popFirst() else { break }
                length = Int(high) << 8 | Int(low)
            } else {
                length = Int(tag & 7)
            }
            guard rest.count >= length else { break }
            let content = rest.prefix(length)
            rest = rest.dropFirst(length)
            switch tag {
            case 0x82: vpd.productName = text(content)
            case 0x90, 0x91: fields(content, into: &vpd)
            default: break
            }
        }
        return vpd
    }

    private static func fields(_ content: ArraySlice<UInt8>, into vpd: inout Resources.PCI.VPD) {
        var rest = content
        while rest.count >= 3, let first = rest.popFirst(), let second = rest.popFirst(), let length = rest.popFirst() {
            guard rest.count >= Int(length) else { return }
            let name = text([first, second])
            // The last ones are a checksum and room to write.
            if let value = text(rest.prefix(Int(length))), let name, name != "RV", name != "RW" {
                vpd.entries = (vpd.entries ?? [:]).merging([name: value]) { $1 }
            }
            rest = rest.dropFirst(Int(length))
        }
    }

    private static func text(_ bytes: some Sequence<UInt8>) -> String? {
        let printable = bytes.filter { (32..<127).contains($0) }
        let text = String(decoding: printable, as: UTF8.self)
        let bare = text.drop { $0 == " " }
        return bare.isEmpty ? nil : String(bare.reversed().drop { $0 == " " }.reversed())
    }
}

extension KernelTree {
    /// A file of bytes; nil when it is not there, cannot be read, or is empty.
    func bytes(_ path: String, limit: Int) -> [UInt8]? {
        guard let file = try? OwnedDescriptor.open(root + path, 0),
            let bytes = try? file.readAll(limit: limit, of: path), !bytes.isEmpty
        else { return nil }
        return bytes
    }
}
