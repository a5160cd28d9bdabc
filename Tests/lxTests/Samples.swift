import LexAPI

extension Instance {
    static func sample(
        name: String, status: StatusCode = .running, config: [String: String] = [:], ephemeral: Bool = false
    ) -> Instance {
        Instance(
            architecture: "x86_64", config: config, devices: [:], ephemeral: ephemeral, profiles: ["default", "web"],
            stateful: false, description: "", createdAt: Timestamp(seconds: 1_795_418_984, nanoseconds: 500_000_000),
            expandedConfig: config.merging(["limits.memory": "1GiB"]) { left, _ in left },
            expandedDevices: [
                "eth0": ["type": "nic", "network": "lexdbr0"], "root": ["type": "disk", "path": "/", "pool": "fast"],
            ], name: name, status: status, lastUsedAt: .epoch, location: "none", type: "container", project: "default")
    }
}

extension Instance.Full {
    static func sample(name: String, status: StatusCode = .running, config: [String: String] = [:]) -> Instance.Full {
        let counters = Instance.Counters(
            bytesReceived: 1552, bytesSent: 950, packetsReceived: 6, packetsSent: 5, errorsReceived: 0, errorsSent: 0,
            packetsDroppedOutbound: 0, packetsDroppedInbound: 0)
        func network(_ type: String, _ addresses: [(String, String, String, String)]) -> Instance.Network {
            Instance.Network(
                addresses: addresses.map { .init(family: $0.0, address: $0.1, netmask: $0.2, scope: $0.3) },
                counters: counters, hwaddr: type == "loopback" ? "" : "00:16:3e:2c:fc:e0",
                hostName: type == "loopback" ? "" : "veth1", mtu: 1500, state: "up", type: type)
        }
        let state = Instance.State(
            status: status, disk: ["root": .init(usage: 135_168)],
            memory: .init(usage: 2_652_897, usagePeak: 3_342_336),
            network: [
                "lo": network("loopback", [("inet", "127.0.0.1", "8", "local")]),
                "eth0": network(
                    "broadcast",
                    [
                        ("inet", "10.79.0.36", "24", "global"), ("inet", "10.79.0.4", "24", "global"),
                        ("inet6", "fd42::1", "64", "global"), ("inet6", "fe80::1", "64", "link"),
                    ]),
            ], pid: 3370, processes: 2, cpu: .init(usage: 2_900_000_000))
        return Instance.Full(instance: .sample(name: name, status: status, config: config), state: state)
    }
}
