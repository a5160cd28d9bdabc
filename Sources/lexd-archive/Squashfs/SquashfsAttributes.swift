extension SquashfsFile {
    /// The most attributes of one file: the kernel takes as many as fit 64 KiB of names.
    private static let mostAttributes: UInt32 = 4096

    /// The extended attributes behind a number of an inode.
    func attributes(_ index: UInt32) throws -> [(name: String, value: [UInt8])] {
        guard header.attributeTable != SquashfsSuperblock.noTable else {
            throw squashfsRefusal("an attribute in it is not in its list")
        }
        var table = LittleEndianReader(try bytes(at: header.attributeTable, 16))
        let start = try table.uint64()
        guard index < (try table.uint32()) else { throw squashfsRefusal("an attribute in it is not in its list") }
        var place = try entry(UInt64(index), size: 16, of: header.attributeTable + 16)
        let reference = SquashfsReference(try place.uint64())
        let count = try place.uint32()
        guard count <= Self.mostAttributes else { throw squashfsRefusal("a file in it has \(count) attributes") }
        var cursor = try cursor(start, reference)
        var result: [(name: String, value: [UInt8])] = []
        for _ in 0..<count {
            var head = try cursor.reader(4)
            let type = try head.uint16()
            let length = Int(try head.uint16())
            guard length <= 255 else { throw squashfsRefusal("an attribute in it has a name of \(length) bytes") }
            let name = try cursor.bytes(length)
            let value = try value(&cursor, start, isElsewhere: type & 0x100 != 0)
            guard let prefix = ["user.", "trusted.", "security."].dropFirst(Int(type & 0xff)).first,
                let text = String(validating: name, as: UTF8.self), !name.contains(0)
            else { throw squashfsRefusal("an attribute in it has a name that is none") }
            result.append((prefix + text, value))
        }
        return result
    }

    /// A value; one that several files share is noted by its place.
    private func value(
        _ cursor: inout SquashfsCursor, _ start: UInt64, isElsewhere: Bool
    ) throws -> [UInt8] {
        let length = Int(try cursor.uint32())
        guard isElsewhere else { return try checkedValue(&cursor, length) }
        guard length == 8 else { throw squashfsRefusal("an attribute in it is damaged") }
        var place = try cursor.reader(8)
        var other = try self.cursor(start, SquashfsReference(try place.uint64()))
        return try checkedValue(&other, Int(try other.uint32()))
    }

    private func checkedValue(_ cursor: inout SquashfsCursor, _ length: Int) throws -> [UInt8] {
        guard length <= AttributeRules.longestValue else {
            throw squashfsRefusal("an attribute in it has a value of \(length) bytes")
        }
        return try cursor.bytes(length)
    }
}
