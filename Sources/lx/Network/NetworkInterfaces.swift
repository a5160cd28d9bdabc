import LexAPI
import LexClient

/// Putting interfaces of instances and profiles into networks, and taking them out.
enum NetworkInterfaces {
    /// Adds an interface; its device is named as the network unless `device` says otherwise.
    static func attach(
        _ owner: DeviceOwner, _ network: String, device: String, interface: String, _ client: Client,
        _ global: GlobalOptions
    ) async throws {
        let found = try await client.call(API.networks.get, path: ["name": network])
        var options = found.managed ? ["network=\(network)"] : ["nictype=bridged", "parent=\(network)"]
        if !found.managed, found.type != "bridge" { options = ["nictype=macvlan", "parent=\(network)"] }
        if !interface.isEmpty { options.append("name=\(interface)") }
        let words = options
        try await owner.change(client, global) { devices in
            try devices.add(device.isEmpty ? network : device, type: "nic", words)
        }
    }

    /// Removes the interface in a network; without its name the only one.
    static func detach(
        _ owner: DeviceOwner, _ network: String, device: String, _ client: Client, _ global: GlobalOptions
    ) async throws {
        try await owner.change(client, global) { devices in
            func isIn(_ options: [String: String]) -> Bool {
                options["type"] == "nic" && (options["network"] == network || options["parent"] == network)
            }
            if device.isEmpty {
                let names = devices.own.filter { isIn($0.value) }.keys.sorted()
                guard let name = names.first else { throw Failure("No device found for this network") }
                guard names.count == 1 else {
                    throw Failure(
                        "More than one device matches, specify the device name: \(names.joined(separator: ", "))")
                }
                devices.own[name] = nil
            } else {
                guard let options = devices.own[device] else { throw Failure("The specified device doesn't exist") }
                guard isIn(options) else { throw Failure("The specified device doesn't match the network") }
                devices.own[device] = nil
            }
        }
    }
}
