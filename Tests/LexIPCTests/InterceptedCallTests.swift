import CLexLinux
import Glibc
import LexIPC
import Testing

@Suite struct InterceptedCallTests {
    private let narrow: UInt32 = 0x4000_0003
    private func call(_ number: Int32, _ arguments: UInt64..., architecture: UInt32? = nil) -> InterceptedCall? {
        InterceptedCall(
            architecture: architecture ?? lex_own_architecture(), number: number,
            arguments: arguments + [UInt64](repeating: 0, count: 6 - arguments.count))
    }

    #if arch(x86_64)
        @Test func nodesThatDoNoHarm() {
            let null = CharacterDevice(1, 3)
            #expect(
                call(133, 77, 0o020666, 0x103)
                    == .makeNode(directory: AT_FDCWD, path: 77, mode: 0o020666, device: null))
            #expect(
                call(259, UInt64(bitPattern: -100), 77, 0o020666, 0x103)
                    == .makeNode(directory: -100, path: 77, mode: 0o020666, device: null))
            #expect(
                call(14, 77, 0o020000, 0x103, architecture: narrow)
                    == .makeNode(directory: AT_FDCWD, path: 77, mode: 0o020000, device: null))
            #expect(
                call(297, 0xFFFF_FF9C, 77, 0o020000, 0x501, architecture: narrow)
                    == .makeNode(directory: -100, path: 77, mode: 0o020000, device: CharacterDevice(5, 1)))
            // The kernel takes no more of a mode than 16 bits, of a device than 32.
            #expect(
                call(133, 77, 0xF_0000 | 0o020600, 0x7_0000_0103)
                    == .makeNode(directory: AT_FDCWD, path: 77, mode: 0o020600, device: null))
        }

        @Test func everythingElseIsTheKernels() {
            // A disk, /dev/mem, kmsg, fuse; a block device with null's numbers; null's numbers beyond 8 bits; a file, a fifo.
            for (mode, device) in [
                (0o060600, 0x800), (0o020600, 0x101), (0o020600, 0x10B), (0o020600, 0xAE5), (0o060600, 0x103),
                (0o020600, 0x10_0103), (0o100600, 0x103), (0o010600, 0x103), (0o020600, 0), (0o600, 0x103),
            ] as [(UInt64, UInt64)] {
                #expect(call(133, 77, mode, device) == nil, "\(String(mode, radix: 8)) \(device)")
                #expect(call(259, 3, 77, mode, device) == nil)
            }
            // Calls that are not these, those of x32, and the numbers of another width.
            #expect(call(0, 0, 0o020666, 0x103) == nil && call(-1, 0, 0o020666, 0x103) == nil)
            #expect(call(133 | 0x4000_0000, 77, 0o020666, 0x103) == nil)
            #expect(call(14, 77, 0o020666, 0x103) == nil)
            #expect(call(133, 77, 0o020666, 0x103, architecture: narrow) == nil)
            #expect(call(133, 77, 0o020666, 0x103, architecture: 0) == nil)
            #expect(InterceptedCall(architecture: lex_own_architecture(), number: 133, arguments: []) == nil)
        }

        @Test func attributesOfOneByte() {
            let attribute = InterceptedCall.AttributeArguments(name: 2, value: 3, flags: 1)
            #expect(call(188, 1, 2, 3, 1, 1) == .setAttribute(path: 1, follows: true, attribute))
            #expect(call(189, 1, 2, 3, 1, 1) == .setAttribute(path: 1, follows: false, attribute))
            #expect(call(190, 1, 2, 3, 1, 1) == .setOpenAttribute(descriptor: 1, attribute))
            #expect(call(226, 1, 2, 3, 1, 1, architecture: narrow) == .setAttribute(path: 1, follows: true, attribute))
            for size in [0, 2, 0x1_0000_0001, .max] as [UInt64] { #expect(call(188, 1, 2, 3, size, 1) == nil) }
        }

        @Test func otherCalls() {
            #expect(call(144, 5, 2, 9) == .setScheduler(thread: 5, policy: 2, parameter: 9))
            #expect(call(99, 9) == .systemInformation(9, isNarrow: false))
            #expect(call(116, 9, architecture: narrow) == .systemInformation(9, isNarrow: true))
        }
    #endif

    #if arch(x86_64)
        @Test func mountsThatAreNothingElse() {
            func mount(_ flags: UInt64) -> InterceptedCall? { call(165, 1, 2, 3, flags, 5) }
            func wanted(_ flags: UInt32) -> InterceptedCall? {
                .mount(.init(source: 1, target: 2, type: 3, flags: flags, options: 5))
            }
            // Plain ones, also with the mark of old programs (MS_MGC_VAL).
            for flags in [0, 1, 1 | 2 | 4 | 8, 1024 | 2048 | 256, 1 << 24, 1 << 25] as [UInt32] {
                #expect(mount(UInt64(flags)) == wanted(flags))
                #expect(mount(0xC0ED_0000 | UInt64(flags & 0xFFFF)) == wanted(flags & 0xFFFF))
            }
            #expect(call(21, 1, 2, 3, 1, 5, architecture: narrow) == wanted(1))
            // remount, bind, move, unbindable, private, slave, shared, the kernel's own, and what lies above 32 bits.
            for flags in [32, 4096, 8192, 1 << 17, 1 << 18, 1 << 19, 1 << 20, 1 << 22, 1 << 31, 1 << 40] as [UInt64] {
                #expect(mount(flags) == nil && mount(flags | 1) == nil, "\(flags)")
            }
            #expect(mount(0xC0ED_0000 | 32) == nil && mount(0xC0ED_0000 | 4096) == nil)
            for number in [428, 429, 430, 431, 432, 433, 467] as [Int32] {
                #expect(call(number) == .mountInParts && call(number, architecture: narrow) == .mountInParts)
            }
        }

        @Test func bpfOfPrograms() {
            #expect(call(321, 5, 7, 120) == .loadProgram(7, size: 120))
            #expect(call(321, 8, 7, 0x1_0000_0010) == .attachProgram(7, size: 16, detaches: false))
            #expect(call(357, 9, 7, 16, architecture: narrow) == .attachProgram(7, size: 16, detaches: true))
            for command in [0, 1, 4, 6, 7, 10, 16] as [UInt64] { #expect(call(321, command, 7, 120) == nil) }
        }
    #endif

    @Test func numbersOfDevices() {
        for (major, minor) in [(0, 0), (1, 3), (5, 1), (8, 300), (4095, 1_048_575)] as [(UInt32, UInt32)] {
            let device = CharacterDevice(major, minor)
            #expect(CharacterDevice(encoded: device.encoded) == device)
        }
        #expect(CharacterDevice(1, 3).encoded == 0x103 && CharacterDevice(1, 256).encoded == 0x10_0100)
    }

    @Test func theOneAttribute() {
        let name = Array("trusted.overlay.opaque".utf8)
        let yes = [UInt8(ascii: "y")]
        #expect(OpaqueMark.matches(name: name, value: yes))
        #expect(!OpaqueMark.matches(name: name, value: [UInt8(ascii: "x")]))
        #expect(!OpaqueMark.matches(name: name, value: []))
        for other in [
            "trusted.overlay.redirect", "trusted.overlay.opaqueX", "security.capability", "", "TRUSTED.overlay.opaque",
        ] {
            #expect(!OpaqueMark.matches(name: Array(other.utf8), value: yes))
        }
    }

    @Test func rightsOfACaller() throws {
        let text =
            "Name:\tUid: 0\nUmask:\t0027\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \nCapEff:\t000001ffffffffff\n"
        let status = try #require(CallerStatus(text))
        #expect(status.user == 4 && status.group == 8 && status.groups == [9, 10] && status.umask == 0o027)
        #expect(status.has(0) && status.has(40) && !status.has(41) && !status.has(-1) && !status.has(64))
        for line in text.split(separator: "\n").dropFirst() {
            #expect(CallerStatus(text.replacing(line, with: "")) == nil, "\(line)")
        }
        #expect(CallerStatus(text.replacing("4\nGid", with: "x\nGid")) == nil)
        #expect(try #require(CallerStatus(text.replacing("9 10 ", with: ""))).groups == [])
    }

    @Test func sysinfoOfAnInstance() throws {
        let host = try #require(SystemNumbers(host: [100, 1, 2, 3, 1 << 30, 1 << 29, 7, 1 << 28, 1 << 27, 300]))
        var numbers = host
        numbers.narrow(isUnified: false) {
            [
                "memory.limit_in_bytes": "67108864\n", "memory.usage_in_bytes": "20000000\n",
                "memory.stat": "cache 1\ntotal_cache 4000000\ntotal_shmem 4096\n",
            ][$0]
        }
        #expect(numbers.memory == 64 << 20 && numbers.free == (64 << 20) - 16_000_000 && numbers.shared == 4096)
        #expect(numbers.swap == host.swap && numbers.freeSwap == host.freeSwap)
        numbers = host
        numbers.narrow(isUnified: true) {
            [
                "memory.max": "67108864\n", "memory.current": "99999999\n", "memory.stat": "file 0\nshmem 1\n",
                "memory.swap.max": "0\n",
            ][$0]
        }
        #expect(numbers.memory == 64 << 20 && numbers.free == 0 && numbers.swap == 0 && numbers.freeSwap == 0)
        numbers = host
        numbers.narrow(isUnified: true) { ["memory.max": "max\n"][$0] }
        #expect(numbers == host)
        numbers.narrow(isUnified: false) { _ in nil }
        #expect(numbers == host)
        #expect(host.bytes(isNarrow: false).count == 112 && host.bytes(isNarrow: true).count == 64)
        // The offsets of totalram, procs and mem_unit.
        #expect(Array(host.bytes(isNarrow: false)[32..<40]) == [0, 0, 0, 64, 0, 0, 0, 0])
        #expect(Array(host.bytes(isNarrow: false)[80..<82]) == [44, 1] && host.bytes(isNarrow: false)[104] == 1)
        #expect(Array(host.bytes(isNarrow: true)[16..<20]) == [0, 0, 4, 0])
        #expect(Array(host.bytes(isNarrow: true)[52..<56]) == [0, 16, 0, 0])
    }
}
