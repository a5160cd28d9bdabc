import LexAPI

/// The part of an instance that can be changed, as it is shown.
struct InstanceView: Encodable {
    let architecture: String
    let config: [String: String]
    let devices: [String: [String: String]]
    let ephemeral: Bool
    let profiles: [String]
    let stateful: Bool
    let description: String

    init(of instance: Instance) {
        architecture = instance.architecture
        config = instance.config
        devices = instance.devices
        ephemeral = instance.ephemeral
        profiles = instance.profiles
        stateful = instance.stateful
        description = instance.description
    }
}
