import CLexLinux
import LexIPC
import Testing

@Suite struct MountPolicyTests {
    @Test func policyAsText() {
        let policy = MountPolicy(allowed: ["ext4", "btrfs"], programs: ["ntfs": "/bin/ntfs-3g"], shifts: true)
        #expect(policy.text == "kernel btrfs\nkernel ext4\nfuse ntfs /bin/ntfs-3g\nshift\n")
        #expect(MountPolicy(text: policy.text) == policy && MountPolicy(text: "") == MountPolicy())
        for broken in ["kernel", "kernel a b", "fuse a", "shift x", "allow a", "ext4"] {
            #expect(MountPolicy(text: broken) == nil, "\(broken)")
        }
    }

    private func wish(_ options: String, type: String = "btrfs", source: String = "/dev/sdx", flags: UInt32 = 0)
        -> MountWish?
    {
        MountWish(
            type: type, source: Array(source.utf8), target: [47], flags: flags, options: Array(options.utf8))
    }

    @Test func optionsOfAWish() throws {
        #expect(try #require(wish("")).options == [])
        #expect(try #require(wish("a,b=c,,d=e=f")).options == ["a", "b=c", "d=e=f"])
        // What makes a broken file system the host's end, or another than the one that was looked at.
        for bad in [
            "errors=panic", "a,fatal_errors=panic", "source=/dev/vda", "=x", "a=" + String(repeating: "x", count: 300),
        ] {
            #expect(wish(bad) == nil, "\(bad)")
        }
        #expect(MountWish(type: "x", source: [], target: [], flags: 0, options: [0xFF]) == nil)
        #expect(try #require(wish("noload", type: "ext4")).options == ["noload", "errors=remount-ro"])
        #expect(try #require(wish("errors=continue", type: "ext4")).options == ["errors=continue"])
    }

    @Test func flagsOfAWish() throws {
        let plain = try #require(wish(""))
        #expect(plain.attributes == lex_mount_attr_nodev && plain.words == [] && plain.fileSystemWords == [])
        let all = try #require(wish("", flags: 1 | 2 | 8 | 16 | 1024))
        #expect(
            all.attributes == lex_mount_attr_nodev | lex_mount_attr_read_only | lex_mount_attr_nosuid
                | lex_mount_attr_noexec | lex_mount_attr_noatime)
        #expect(all.fileSystemWords == ["ro", "sync"])
        #expect(all.words == ["ro", "sync", "nosuid", "noexec", "noatime"])
        #expect(
            try #require(wish("", flags: 1024 | 1 << 24)).attributes
                == lex_mount_attr_nodev | lex_mount_attr_strictatime)
    }

    @Test func namesOfASource() throws {
        #expect(try #require(wish("", source: "/dev//disk/x")).sourceParts == ["dev", "disk", "x"])
        for odd in ["", "sdx", "/", "/dev/../sdx", "/./sdx", String(repeating: "/a", count: 17)] {
            #expect(try #require(wish("", source: odd)).sourceParts == nil, "\(odd)")
        }
    }

    @Test func groupsOfACaller() {
        let old = MeasuredGroups(memory: "/c/memory/l.c1", processes: "", isUnified: false, devices: "/c/devices/l.c1")
        let text = "9:devices:/l.c1/app\n8:memory,x:/l.c1\n1:name=systemd:/l.c1\n0::/l.c1\n"
        #expect(old.directory("devices", below: old.devices, of: text) == "/c/devices/l.c1/app")
        #expect(old.directory("memory", below: old.memory, of: text) == "/c/memory/l.c1")
        for other in ["9:devices:/l.c11\n", "9:devices:/\n", "9:devices:/x/l.c1\n", "9:cpu:/l.c1\n", "0::/l.c1\n", ""] {
            #expect(old.directory("devices", below: old.devices, of: other) == nil, "\(other)")
        }
        let new = MeasuredGroups(memory: "/c/l.c1", processes: "", isUnified: true, devices: "/c/l.c1")
        #expect(new.directory("devices", below: new.devices, of: "0::/l.c1/init.scope\n") == "/c/l.c1/init.scope")
    }
}

@Suite struct DeviceProgramTests {
    private func wish(_ words: [Int: UInt32], size: Int = 120) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        for (place, word) in words {
            for index in 0..<4 where place + index < size {
                bytes[place + index] = UInt8(truncatingIfNeeded: word >> UInt32(8 * index))
            }
        }
        return bytes
    }

    @Test func wishesForAProgram() throws {
        let plain: [Int: UInt32] = [0: 15, 4: 2, 8: 0x1000, 16: 0x2000]
        let program = try #require(DeviceProgram(wish(plain)))
        #expect(program.count == 2 && program.instructions == 0x1000 && program.license == 0x2000)
        #expect(DeviceProgram(wish(plain, size: 24)) != nil && DeviceProgram(wish(plain, size: 23)) == nil)
        let said = try #require(DeviceProgram(wish(plain.merging([24: 1, 28: .max, 32: 9]) { $1 })))
        #expect(said.logSize == DeviceProgram.mostLog && said.log == 9)
        // Another kind, none and too many instructions, flags, a card, types, another program, maps.
        for (place, word) in [
            (0, 14), (0, 0), (4, 0), (4, 4097), (44, 4), (64, 1), (68, 5), (72, 1), (96, 1), (112, 1), (116, 1),
        ] as [(Int, UInt32)] {
            #expect(DeviceProgram(wish(plain.merging([place: word]) { $1 })) == nil, "\(place) \(word)")
        }
        #expect(DeviceProgram(wish(plain.merging([60: 0x4100_0000]) { $1 })) == nil, "a name without an end")
    }

    @Test func instructionsThatOnlyReckon() {
        func one(_ code: UInt8, _ registers: UInt8 = 0) -> [UInt8] { [code, registers, 0, 0, 0, 0, 0, 0] }
        let exit = one(0x95)
        // mov r0, 1; ldxw r2, [r1]; if r2 != 2 goto; stxw [r10-4], r2; 32-bit jump; a number of 64 bits.
        #expect(
            DeviceProgram.isPlain(
                one(0xB7) + one(0x61, 0x12) + one(0x55, 2) + one(0x63, 0x2A) + one(0x16) + one(0x18) + one(0) + exit))
        // A call, a call from a register, a map, its second half alone, an atomic, a packet, half of one, none.
        for bad in [
            one(0x85), one(0x8D), one(0x18, 0x10) + one(0), one(0x18), one(0xDB), one(0x20), one(0x30), one(0x86),
            one(0x18) + exit, [0xB7], [],
        ] {
            #expect(!DeviceProgram.isPlain(bad), "\(bad)")
        }
    }

    @Test func wishesToAttach() throws {
        let attachment = try #require(ProgramAttachment(wish([0: 5, 4: 6, 8: 6, 12: 2], size: 16)))
        #expect(attachment.group == 5 && attachment.program == 6 && attachment.flags == 2)
        #expect(try #require(ProgramAttachment(wish([0: 5, 4: 6, 8: 6, 12: 6, 16: 7], size: 32))).replaced == 7)
        for words in [[8: 5], [8: 6, 12: 8], [8: 6, 20: 1], [8: 6, 0: .max]] as [[Int: UInt32]] {
            #expect(ProgramAttachment(wish(words, size: 32)) == nil, "\(words)")
        }
        #expect(ProgramAttachment(wish([8: 6], size: 8)) == nil)
    }
}
