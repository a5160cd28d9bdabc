/// Whom the trouble of networks is told, so that a person can be.
package struct NetworkTrouble: Sendable {
    /// Told all that other firewalls may do to our networks, whenever that was looked for.
    package let foreignFirewalls: @Sendable ([NetworkWarning]) async -> Void
    /// Told what keeps a network's dnsmasq from running; nil when it runs.
    package let dnsmasq: @Sendable (_ network: String, _ trouble: String?) async -> Void

    package init(
        foreignFirewalls: @escaping @Sendable ([NetworkWarning]) async -> Void,
        dnsmasq: @escaping @Sendable (_ network: String, _ trouble: String?) async -> Void
    ) {
        self.foreignFirewalls = foreignFirewalls
        self.dnsmasq = dnsmasq
    }

    /// Told to nobody.
    package static let untold = NetworkTrouble(foreignFirewalls: { _ in }, dnsmasq: { _, _ in })
}
