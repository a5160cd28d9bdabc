import LexAPI

/// What `lx network info` says of an interface.
enum NetworkReport {
    static func text(_ name: String, _ state: Network.State) -> String {
        var lines = [
            "Name: \(name)", "MAC address: \(state.hwaddr)", "MTU: \(state.mtu)", "State: \(state.state)",
            "Type: \(state.type)",
        ]
        if !state.addresses.isEmpty {
            lines += ["", "IP addresses:"]
            lines += state.addresses.map { "  \($0.family)\t\($0.address)/\($0.netmask) (\($0.scope))" }
        }
        lines += [
            "", "Network usage:",
            "  Bytes received: \(Quantities.decimalSize(state.counters.bytesReceived))",
            "  Bytes sent: \(Quantities.decimalSize(state.counters.bytesSent))",
            "  Packets received: \(state.counters.packetsReceived)",
            "  Packets sent: \(state.counters.packetsSent)",
        ]
        if let bond = state.bond {
            lines += [
                "", "Bond:", "  Mode: \(bond.mode)", "  Transmit policy: \(bond.transmitPolicy)",
                "  Up delay: \(bond.upDelay)", "  Down delay: \(bond.downDelay)",
                "  MII Frequency: \(bond.miiFrequency)", "  MII state: \(bond.miiState)",
                "  Lower devices: \(bond.lowerDevices.joined(separator: ", "))",
            ]
        }
        if let bridge = state.bridge {
            lines += [
                "", "Bridge:", "  ID: \(bridge.id)", "  STP: \(bridge.stp)", "  Forward delay: \(bridge.forwardDelay)",
                "  Default VLAN ID: \(bridge.vlanDefault)", "  VLAN filtering: \(bridge.vlanFiltering)",
                "  Upper devices: \(bridge.upperDevices.joined(separator: ", "))",
            ]
        }
        if let vlan = state.vlan {
            lines += ["", "VLAN:", "  Lower device: \(vlan.lowerDevice)", "  VLAN ID: \(vlan.vid)"]
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
