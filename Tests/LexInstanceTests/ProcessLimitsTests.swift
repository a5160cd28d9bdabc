import LexAPI
import Testing

@testable import LexInstance

@Suite struct ProcessLimitsTests {
    @Test func reads() {
        let text = """
            Limit                     Soft Limit           Hard Limit           Units
            Max cpu time              unlimited            unlimited            seconds
            Max open files            300                  400                  files
            Max nice priority         0                    0
            """
        let found = ProcessLimits.read(text, ["limits.kernel.nofile", "limits.kernel.cpu", "limits.kernel.as"])
        #expect(
            found == [
                .init(key: "limits.kernel.cpu", file: "rlimit cpu of init", value: "unlimited:unlimited"),
                .init(key: "limits.kernel.nofile", file: "rlimit nofile of init", value: "300:400"),
            ])
    }

    /// Every resource there is a key for is known to the kernel by its name here.
    @Test func everyKeyIsKnown() {
        let keys = Set(InstanceKeys().limits.kernel.members.map { "limits.kernel.\($0.name)" })
        #expect(ProcessLimits.inForce(keys, process: 1).count == keys.count)
    }
}
