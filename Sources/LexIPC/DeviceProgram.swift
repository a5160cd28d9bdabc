/// A program for the devices of a control group, as a guest wants it loaded (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE).
package struct DeviceProgram: Equatable, Sendable {
    /// How many instructions it has, and where they lie.
    package var count: UInt32
    package var instructions: UInt64
    package var license: UInt64
    /// What it is called: 16 bytes, the last a zero.
    package var name: [UInt8]
    package var flags: UInt32
    /// What the kernel is to say of it, where to, and how much.
    package var logLevel: UInt32
    package var log: UInt64
    package var logSize: UInt32

    /// The most instructions: what the kernel takes from those without rights (BPF_MAXINSNS).
    package static let mostInstructions: UInt32 = 4096
    /// The most that is said of one.
    package static let mostLog: UInt32 = 1 << 16
    /// How much of a wish is read.
    package static let mostSize: UInt64 = 1024

    /// Nil for every wish but one for such a program that has nothing the kernel must fetch elsewhere: types, maps,
    /// another program, a card.
    package init?(_ bytes: [UInt8]) {
        let wish = Words(bytes)
        name = (0..<16).map { wish.byte(48 + $0) }
        guard bytes.count >= 24, wish.word(0) == 15, wish.word(68) == 0 || wish.word(68) == 6, name[15] == 0 else {
            return nil
        }
        for place in [64] + Array(stride(from: 72, to: max(72, bytes.count), by: 4)) where wish.word(place) != 0 {
            return nil
        }
        count = wish.word(4)
        instructions = wish.long(8)
        license = wish.long(16)
        logLevel = wish.word(24)
        logSize = min(wish.word(28), Self.mostLog)
        log = wish.long(32)
        flags = wish.word(44)
        // BPF_F_STRICT_ALIGNMENT, BPF_F_ANY_ALIGNMENT.
        guard count > 0, count <= Self.mostInstructions, flags & ~3 == 0, logLevel <= 7 else { return nil }
    }

    /// Whether it does nothing but look at what is asked for and reckon: no call of a function of the kernel's, no map,
    /// no address of anything, nothing atomic (Documentation/bpf/standardization/instruction-set.rst).
    package static func isPlain(_ instructions: [UInt8]) -> Bool {
        guard !instructions.isEmpty, instructions.count % 8 == 0 else { return false }
        var place = 0
        while place < instructions.count {
            let code = instructions[place]
            let source = instructions[place + 1] >> 4
            switch code & 7 {
            case 0:
                // The one instruction of two words, of a number and nothing else.
                guard code == 0x18, source == 0, place + 16 <= instructions.count, instructions[place + 8] == 0 else {
                    return false
                }
                place += 8
            case 1, 2, 3: guard code >> 5 == 3 else { return false }
            case 5: guard code & 0xF0 != 0x80 else { return false }
            case 6: guard code & 0xF0 != 0x80, code & 0xF0 != 0x90 else { return false }
            default: break
            }
            place += 8
        }
        return true
    }
}

/// A wish to attach such a program to a control group, or to take it off.
package struct ProgramAttachment: Equatable, Sendable {
    /// Descriptors of the caller's.
    package var group: Int32
    package var program: Int32
    package var flags: UInt32
    package var replaced: Int32

    /// BPF_F_REPLACE.
    package static let replaces: UInt32 = 4

    /// Nil for every other kind of wish.
    package init?(_ bytes: [UInt8]) {
        let wish = Words(bytes)
        // BPF_CGROUP_DEVICE; with BPF_F_ALLOW_OVERRIDE, BPF_F_ALLOW_MULTI, BPF_F_REPLACE.
        guard bytes.count >= 12, wish.word(8) == 6, wish.word(12) & ~7 == 0 else { return nil }
        for place in stride(from: 20, to: max(20, bytes.count), by: 4) where wish.word(place) != 0 { return nil }
        group = Int32(bitPattern: wish.word(0))
        program = Int32(bitPattern: wish.word(4))
        flags = wish.word(12)
        replaced = Int32(bitPattern: wish.word(16))
        guard group >= 0, program >= 0, replaced >= 0 else { return nil }
    }
}

/// Numbers in bytes of the machine's order, which is little-endian; what is not there is 0.
private struct Words {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }
    func byte(_ place: Int) -> UInt8 { bytes.indices.contains(place) ? bytes[place] : 0 }
    func word(_ place: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(byte(place + $1)) << UInt32(8 * $1) } }
    func long(_ place: Int) -> UInt64 { UInt64(word(place)) | UInt64(word(place + 4)) << 32 }
}
