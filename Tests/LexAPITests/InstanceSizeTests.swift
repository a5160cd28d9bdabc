import LexAPI
import Testing

@Suite struct InstanceSizeTests {
    @Test(arguments: [
        ("c2-m4", ["limits.cpu": "2", "limits.memory": "4096MB"]),
        ("m4-c2", ["limits.cpu": "2", "limits.memory": "4096MB"]),
        ("c1", ["limits.cpu": "1"]),
        ("m0.5", ["limits.memory": "512MB"]),
        ("c0.5-m1", ["limits.cpu": "1", "limits.cpu.allowance": "50%", "limits.memory": "1024MB"]),
        ("c1.5", ["limits.cpu": "2", "limits.cpu.allowance": "75%"]),
        ("t2.micro", ["limits.cpu": "1", "limits.memory": "1024MB"]),
        ("aws:t2.micro", ["limits.cpu": "1", "limits.memory": "1024MB"]),
        ("gce:f1-micro", ["limits.cpu": "1", "limits.cpu.allowance": "20%", "limits.memory": "614MB"]),
    ])
    func whatAreSizes(_ name: String, _ config: [String: String]) throws {
        let size = try InstanceSize(name)
        #expect(size.config == config)
        // What it says is what an instance takes.
        try Config<InstanceKeys>(size.config).validate()
    }

    @Test(arguments: [
        "", "-", "c", "m", "c-m", "x2", "c2-", "nonsense", "aws:nope", "nope:t2.micro", ":t2.micro", "c0", "c0-m0",
        "c-1", "cnan", "cinf", "c1e9", "m99999999999999999999", "c2 m4", "C2-M4", "c0x10",
    ])
    func whatAreNone(_ name: String) {
        #expect(throws: APIError.self) { try InstanceSize(name) }
    }
}
