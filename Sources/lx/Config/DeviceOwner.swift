import LexAPI
import LexClient

/// Whose devices a command is about.
enum DeviceOwner {
    case instance(String)
    case profile(String)

    var name: String {
        switch self {
        case .instance(let name), .profile(let name): name
        }
    }

    func devices(_ client: Client) async throws -> Devices {
        switch self {
        case .instance(let name):
            let instance = try await client.call(API.instances.get, path: ["name": name])
            return Devices(own: instance.devices, inherited: instance.expandedDevices)
        case .profile(let name):
            return Devices(own: try await client.call(API.profiles.get, path: ["name": name]).devices)
        }
    }

    /// Changes the devices by a function, unless somebody else changes them at the same time.
    func change(_ client: Client, _ global: GlobalOptions, _ body: (inout Devices) throws -> Void) async throws {
        switch self {
        case .instance(let name):
            let answer = try await client.answer(API.instances.get, path: ["name": name])
            var devices = Devices(own: answer.reply.devices, inherited: answer.reply.expandedDevices)
            try body(&devices)
            var update = Instance.Update(of: answer.reply)
            update.devices = devices.own
            try await RestartNotice.update(name, client, global, update, ifMatch: answer.etag)
        case .profile(let name):
            try await ProfileChange.perform(name, client, global) { profile in
                var devices = Devices(own: profile.devices)
                try body(&devices)
                profile.devices = devices.own
            }
        }
    }
}
