package import LexAPI
import LexHost

extension BridgeDriver {
    /// The configuration of a new network with everything chosen that was left to lexd: addresses, whether they are
    /// translated, the hardware address. What is returned is what is stored.
    ///
    /// As LXD does: an address that is not set is `auto`, and one that is chosen is translated unless the configuration
    /// says otherwise. `taken` are the subnets of other networks, also of those that are not up; the host's own are
    /// added here.
    ///
    /// `isNew` is false for a change of a network that is there: then only what is said to be `auto` is chosen.
    package static func completed(
        _ config: Config<BridgeKeys>, name: String, taken: TakenSubnets, hardwareAddresses: Set<MACAddress>,
        isNew: Bool = true
    ) async throws -> Config<BridgeKeys> {
        try config.validate { "Invalid option for network \"\(name)\" option \"\($0)\"" }
        var taken = taken
        try await taken.addHost()
        let hasIPv6 = try await blocking { KernelSetting("net/ipv6/conf/all/forwarding").value != nil }
        var generator = SystemRandomNumberGenerator()
        return try completed(
            config, name: name, taken: taken, hardwareAddresses: hardwareAddresses, hasIPv6: hasIPv6, isNew: isNew,
            using: &generator)
    }

    static func completed(
        _ config: Config<BridgeKeys>, name: String, taken: TakenSubnets, hardwareAddresses: Set<MACAddress>,
        hasIPv6: Bool, isNew: Bool = true, using generator: inout some RandomNumberGenerator
    ) throws(APIError) -> Config<BridgeKeys> {
        var config = config
        func isUnset(_ key: String) -> Bool { config.values[key, default: ""].isEmpty }
        if isNew, isUnset("ipv4.address") { config.values["ipv4.address"] = "auto" }
        if isNew, isUnset("ipv6.address") { config.values["ipv6.address"] = hasIPv6 ? "auto" : "none" }
        if try config[\.ipv4.address] == .auto {
            guard let subnet = SubnetChoice.ipv4(avoiding: taken.ipv4, using: &generator) else {
                throw .failed(
                    "cannot choose an IPv4 subnet for network \"\(name)\": the host's addresses and routes speak for all "
                        + "private ones; set ipv4.address to one, or to none")
            }
            config.values["ipv4.address"] = "\(subnet)"
            if isUnset("ipv4.nat") { config.values["ipv4.nat"] = "true" }
        }
        if try config[\.ipv6.address] == .auto {
            guard let subnet = SubnetChoice.ipv6(avoiding: taken.ipv6, using: &generator) else {
                throw .failed(
                    "cannot choose an IPv6 subnet for network \"\(name)\": the host's routes speak for all of fd42::/16; "
                        + "set ipv6.address to one, or to none")
            }
            config.values["ipv6.address"] = "\(subnet)"
            if isUnset("ipv6.nat") { config.values["ipv6.nat"] = "true" }
        }
        if isUnset("bridge.hwaddr"), isUnset("volatile.bridge.hwaddr") {
            config.values["volatile.bridge.hwaddr"] =
                "\(MACAddress.random(avoiding: hardwareAddresses, using: &generator))"
        }
        return config
    }
}
