import LexAPI
import Testing

@testable import LexDaemon

@Suite struct ExpansionTests {
    private let root = ["root": ["type": "disk", "path": "/", "pool": "default"]]

    private func refusal(
        _ config: [String: String] = [:], devices: [String: [String: String]] = [:], profile: [String: String] = [:]
    ) -> String? {
        do throws(APIError) {
            let profiles = [ProfileRecord(description: "", config: profile, devices: root)]
            _ = try Expansion(profiles, config: config, devices: devices).check()
            return nil
        } catch {
            return error.status == 400 ? error.message : "\(error.status)"
        }
    }

    @Test func allowingAndDenyingCalls() {
        for allow in ["allow", "whitelist"] {
            for deny in ["deny", "deny_default", "deny_compat", "blacklist", "blacklist_default", "blacklist_compat"] {
                let isFlag = deny.contains("_")
                for value in isFlag ? ["true", "1", "Yes"] : ["mount"] {
                    let keys = ["security.syscalls.\(allow)": "read", "security.syscalls.\(deny)": value]
                    let said = refusal(keys)
                    #expect(keys.keys.allSatisfy { said?.contains($0) == true }, "\(said ?? "taken")")
                }
                for value in isFlag ? ["false", "0", "no", ""] : [""] {
                    let said = refusal(["security.syscalls.\(allow)": "read", "security.syscalls.\(deny)": value])
                    #expect(said == nil, "\(deny)=\(value)")
                }
            }
        }
    }

    @Test func unknownCalls() {
        let old = ["security.syscalls.deny": "mount\nnosuchcall errno 1\nnosuchcall errno 2\nothercall"]
        #expect(refusal(old) == nil)
        #expect(Instances.unknownCalls(old) == ["nosuchcall", "othercall"])
        #expect(Instances.unknownCalls(old, before: old).isEmpty)
        #expect(Instances.unknownCalls(["security.syscalls.allow": "mount\nepoll_wait\nsocketcall"]).isEmpty)
    }

    @Test func namesOfInterfaces() {
        func nic(_ name: String) -> [String: String] { ["type": "nic", "nictype": "p2p", "name": name] }
        let said = refusal(devices: ["a": nic("eth5"), "b": nic("eth5")])
        #expect(said?.contains("\"b\"") == true && said?.contains("\"a\"") == true && said?.contains("eth5") == true)
        #expect(refusal(devices: ["a": nic("eth5"), "b": nic("eth6")]) == nil)
    }

    /// Profiles may serve virtual machines elsewhere; an instance here is none.
    @Test(arguments: Config<VirtualMachineKeys>.keys.map(\.name))
    func keysOfVirtualMachines(_ key: String) throws {
        #expect(refusal(profile: [key: "true"]) == nil)
        #expect(refusal([key: "true"])?.contains(key) == true)
        try Config<VirtualMachineKeys>.validate(key, "true")
    }

    @Test func whatWaits() {
        func expansion(_ config: [String: String], readonly: String? = nil) -> Expansion {
            var devices = root
            devices["root"]?["readonly"] = readonly
            return Expansion([], config: config, devices: devices)
        }
        let old = expansion(["security.nesting": "false", "user.a": "b"])
        func waiting(_ new: Expansion, from before: Expansion? = nil) -> [String] {
            Instances.waiting(old, from: before ?? old, to: new)
        }
        #expect(waiting(expansion(["user.a": "c", "limits.memory": "1GiB"])).isEmpty)
        #expect(
            waiting(expansion(["security.nesting": "true", "environment.A": "b"], readonly: "true"))
                == ["environment.A", "security.nesting", "devices.root.readonly"])
        // What counts is what it runs with.
        #expect(waiting(old, from: expansion(["security.nesting": "true"], readonly: "true")).isEmpty)
        let nests = expansion(["security.nesting": "true"])
        #expect(waiting(nests) == ["security.nesting"] && waiting(nests, from: nests).isEmpty)
    }
}
