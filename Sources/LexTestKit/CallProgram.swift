/// A program of a few bytes that makes one system call and ends with the error number it gave, 0 for none: for calls that
/// busybox does not make, and for those of other widths. Only for x86_64.
package struct CallProgram: Sendable {
    /// What a call is made with.
    package enum Argument: Sendable {
        case number(Int32)
        /// The address of a text that ends with NUL, and so many zero bytes after it.
        case text(String, room: Int = 0)
    }

    /// How the call is made.
    package enum Width: Sendable {
        /// By `syscall`, as the machine's own programs do.
        case own
        /// By `int 0x80`, as 32-bit programs do.
        case narrow
    }

    private static let base: UInt32 = 0x40_0000

    /// An executable file. Numbers of calls differ with the width; those of x32 are made with `own` and bit 30.
    package static func file(_ number: Int32, _ arguments: [Argument], width: Width = .own) -> [UInt8] {
        // mov r, imm32, of rdi, rsi, rdx, r10, r8 with the sign; and of ebx, ecx, edx, esi, edi.
        let own: [[UInt8]] = [
            [0x48, 0xC7, 0xC7], [0x48, 0xC7, 0xC6], [0x48, 0xC7, 0xC2], [0x49, 0xC7, 0xC2], [0x49, 0xC7, 0xC0],
        ]
        let narrow: [[UInt8]] = [[0xBB], [0xB9], [0xBA], [0xBE], [0xBF]]
        let registers = width == .own ? own : narrow
        let header: UInt32 = 120
        let codeSize = 5 + zip(registers, arguments).reduce(0) { $0 + $1.0.count + 4 } + 2 + 2 + 2 + 5 + 2
        var code: [UInt8] = [0xB8] + bytes(UInt32(bitPattern: number), 4)
        var data: [UInt8] = []
        for (register, argument) in zip(registers, arguments) {
            var value: UInt32
            switch argument {
            case .number(let number): value = UInt32(bitPattern: number)
            case .text(let text, let room):
                value = base + header + UInt32(codeSize + data.count)
                data += Array(text.utf8) + [UInt8](repeating: 0, count: 1 + room)
            }
            code += register + bytes(value, 4)
        }
        // The call; neg eax; mov edi, eax; mov eax, 60 (exit); syscall.
        code += width == .own ? [0x0F, 0x05] : [0xCD, 0x80]
        code += [0xF7, 0xD8, 0x89, 0xC7, 0xB8, 60, 0, 0, 0, 0x0F, 0x05]
        let size = UInt32(code.count + data.count) + header
        var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        file += bytes(2, 2) + bytes(62, 2) + bytes(1, 4) + bytes(base + header, 8) + bytes(64, 8) + bytes(0, 8)
        file += bytes(0, 4) + bytes(64, 2) + bytes(56, 2) + bytes(1, 2) + bytes(0, 2) + bytes(0, 2) + bytes(0, 2)
        // One segment, all of the file, to read, write and run.
        file += bytes(1, 4) + bytes(7, 4) + bytes(0, 8) + bytes(base, 8) + bytes(base, 8) + bytes(size, 8)
        file += bytes(size, 8) + bytes(4096, 8)
        return file + code + data
    }

    private static func bytes(_ value: UInt32, _ count: Int) -> [UInt8] {
        (0..<count).map { $0 < 4 ? UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) : 0 }
    }
}
