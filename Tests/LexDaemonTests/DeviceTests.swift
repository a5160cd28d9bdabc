import LexAPI
import LexIPC
import Testing

@testable import LexDaemon

@Suite struct DeviceRuleTests {
    @Test func wordsOfMounts() {
        let words = MountWords(["ro", "noexec", "rw", "subvol=x", "relatime", "discard"])
        #expect(words.flags == [.readOnly, .noExecution] && words.rest == ["subvol=x", "discard"])
        #expect(MountWords.known.contains("nosuid"))
    }

    private func check(_ devices: [String: [String: String]]) throws {
        _ = try Expansion([], config: [:], devices: devices).check()
    }

    @Test func placesAndKindsAreJudgedTogether() throws {
        let disk = ["type": "disk", "source": "/srv", "path": "/mnt/x"]
        try check(["a": disk, "b": disk.merging(["path": "/mnt/y"]) { $1 }])
        let same = #expect(throws: APIError.self) {
            try check(["a": disk, "b": disk.merging(["path": "mnt//x/"]) { $1 }])
        }
        #expect(same?.status == 400 && same?.message.contains("\"a\" and \"b\"") == true)
        let volume = ["type": "disk", "pool": "p", "source": "v", "path": "/mnt/x"]
        #expect(throws: APIError.self) { try check(["a": disk, "b": volume]) }
        // A profile may have it, an instance may not; what is refused at the start is kept.
        let pci = ["type": "pci", "address": "0000:01:00.0"]
        _ = try Device.readAll(["x": pci])
        let refused = #expect(throws: APIError.self) { try check(["x": pci]) }
        #expect(refused?.message.contains("\"x\"") == true)
        try check(["x": ["type": "tpm", "path": "/dev/tpm0", "pathrm": "/dev/tpmrm0"]])
    }

    @Test func requiredAndItsOldOpposite() throws {
        func isRequired(_ options: [String: String]) throws -> Bool { try Config<HostDiskKeys>(options).isRequired }
        #expect(try isRequired([:]) && isRequired(["optional": "false"]) && isRequired(["required": "1"]))
        #expect(try !isRequired(["required": "no"]) && !isRequired(["optional": "true"]))
    }
}
