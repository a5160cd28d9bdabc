/// Programs of a few machine instructions, for what busybox has no applet for. For x86_64 only.
package enum TinyProgram {
    /// A static program that makes one system call with up to three numbers and ends with the call's errno, 0 when it
    /// succeeded.
    package static func systemCall(_ number: UInt32, _ arguments: [UInt32] = []) -> [UInt8] {
        func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
        let a = arguments + [0, 0, 0]
        // mov eax, number; mov edi, a0; mov esi, a1; mov edx, a2; xor r10d, r10d; xor r8d, r8d; syscall;
        // neg eax; mov edi, eax; mov eax, 60; syscall
        let code: [UInt8] =
            [0xb8] + word(number) + [0xbf] + word(a[0]) + [0xbe] + word(a[1]) + [0xba] + word(a[2])
            + [0x45, 0x31, 0xd2, 0x45, 0x31, 0xc0, 0x0f, 0x05, 0xf7, 0xd8, 0x89, 0xc7, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]
        return elf(machine: 62, code)
    }

    /// A program for a machine this is not.
    package static var foreign: [UInt8] { elf(machine: 183, [0, 0, 0, 0]) }

    /// An ELF file with one loadable segment (elf(5)).
    private static func elf(machine: UInt16, _ code: [UInt8]) -> [UInt8] {
        func little(_ value: UInt64, _ bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        let base: UInt64 = 0x40_0000
        let size = UInt64(64 + 56 + code.count)
        var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
        file += little(2, 2) + little(UInt64(machine), 2) + little(1, 4) + little(base + 120, 8) + little(64, 8)
        file += little(0, 8) + little(0, 4) + little(64, 2) + little(56, 2) + little(1, 2) + little(0, 6)
        file += little(1, 4) + little(5, 4) + little(0, 8) + little(base, 8) + little(base, 8)
        file += little(size, 8) + little(size, 8) + little(0x1000, 8)
        return file + code
    }
}
