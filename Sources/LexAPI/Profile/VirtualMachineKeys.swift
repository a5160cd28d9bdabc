/// The keys that only virtual machines have. A profile may have them, for servers that have such; a container with the
/// profile passes them over.
public struct VirtualMachineKeys: ConfigKeySet {
    /// The agent inside.
    public let agentNICs = ConfigKey<Bool>(
        "agent.nic_config", default: "false", effect: .onRestart,
        "Whether names and MTU of interfaces inside a virtual machine are set by its agent; for profiles only.")
    /// Memory.
    public let hugePages = ConfigKey<Bool>(
        "limits.memory.hugepages", default: "false", effect: .onRestart,
        "Whether the memory of a virtual machine is in huge pages; for profiles only.")
    /// QEMU's arguments.
    public let qemu = ConfigKey<ConfigText>(
        "raw.qemu", effect: .onRestart, "Arguments of QEMU for a virtual machine; for profiles only.")
    /// QEMU's configuration.
    public let qemuConfiguration = ConfigKey<ConfigText>(
        "raw.qemu.conf", effect: .onRestart, "Configuration of QEMU for a virtual machine; for profiles only.")
    /// What the agent measures.
    public let agentMetrics = ConfigKey<Bool>(
        "security.agent.metrics", default: "true", effect: .live,
        "Whether the agent of a virtual machine is asked for metrics; for profiles only.")
    /// UEFI.
    public let secureBoot = ConfigKey<Bool>(
        "security.secureboot", default: "true", effect: .onRestart,
        "Whether a virtual machine starts only what is signed; for profiles only.")
    /// All of them.
    public init() {}

    /// Takes a configuration apart: what is of virtual machines only, and the rest.
    public static func split(_ config: [String: String]) -> (own: [String: String], rest: [String: String]) {
        let own = config.filter { Config<VirtualMachineKeys>.key(named: $0.key) != nil }
        return (own, config.filter { own[$0.key] == nil })
    }
}
