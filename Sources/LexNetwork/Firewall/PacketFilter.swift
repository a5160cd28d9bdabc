package import LexAPI

/// What may pass between a bridge and the rest of the world: the rules of all network ACLs of a network.
package struct PacketFilter: Sendable, Equatable {
    /// The rules, in the order of the ACLs.
    package var rules: [Rule]
    /// What is done with packets to the instances that no rule decides on.
    package var ingress: Verdict
    /// What is done with packets from the instances that no rule decides on.
    package var egress: Verdict

    /// What is done with a packet.
    package struct Verdict: Sendable, Equatable {
        /// What.
        package var action: NetworkACL.Action
        /// Whether the kernel logs it.
        package var isLogged: Bool

        package init(action: NetworkACL.Action, isLogged: Bool) {
            self.action = action
            self.isLogged = isLogged
        }
    }

    /// Which way a packet goes, as the instances see it.
    package enum Direction: String, Sendable, CaseIterable {
        /// To them.
        case ingress
        /// From them.
        case egress
    }

    /// One rule of an ACL.
    package struct Rule: Sendable, Equatable {
        /// The ACL and the place in it, for the log.
        package var origin: String
        /// Which way.
        package var direction: Direction
        /// What is done.
        package var verdict: Verdict
        /// Whether it counts at all.
        package var isEnabled: Bool
        /// Where packets come from; empty for anywhere.
        package var sources: [AddressRange] = []
        /// Where packets go to; empty for anywhere.
        package var destinations: [AddressRange] = []
        /// What OVN networks alone know as source or destination: ACLs, `@internal` and the like.
        package var named: [String] = []
        /// What kind of packet; nil for any.
        package var transport: Transport?
        /// Ports; empty for any.
        package var sourcePorts: [PortRange] = []
        /// Ports; empty for any.
        package var destinationPorts: [PortRange] = []
        /// The type of an ICMP packet.
        package var icmpType: UInt8?
        /// The code of an ICMP packet.
        package var icmpCode: UInt8?
    }

    /// A kind of packet.
    package enum Transport: String, Sendable {
        /// ICMP.
        case icmp4
        /// ICMPv6.
        case icmp6
        /// TCP.
        case tcp
        /// UDP.
        case udp
    }

    /// Nothing but what is done with everything.
    package init(ingress: Verdict, egress: Verdict) {
        rules = []
        self.ingress = ingress
        self.egress = egress
    }

    /// Adds the rules of an ACL. Throws a 400 for one that bridges cannot have.
    package mutating func append(_ acl: String, _ rules: [Rule]) throws(APIError) {
        for rule in rules {
            if let name = rule.named.first {
                throw .badRequest(
                    "Network ACL \"\(acl)\" cannot be applied to a bridge: its rule \(rule.origin) names \"\(name)\", "
                        + "and only OVN networks know other subjects than addresses")
            }
            self.rules.append(rule)
        }
    }
}

extension PacketFilter.Rule {
    /// Reads the rules of an ACL. Throws a 400 in LXD's words for the first that does not hold together.
    ///
    /// `isACL` says whether there is an ACL of a name.
    package static func all(
        _ rules: [NetworkACL.Rule], _ direction: PacketFilter.Direction, isACL: (String) -> Bool
    ) throws(APIError) -> [PacketFilter.Rule] {
        var seen: [NetworkACL.Rule: Int] = [:]
        var result: [PacketFilter.Rule] = []
        for (index, rule) in rules.enumerated() {
            if let first = seen.updateValue(index, forKey: rule) {
                throw .badRequest("Duplicate of \(direction.rawValue) rule \(first)")
            }
            do throws(APIError) {
                result.append(
                    try PacketFilter.Rule(rule, direction, origin: "\(direction.rawValue)-\(index)", isACL: isACL))
            } catch {
                throw .badRequest("Invalid \(direction.rawValue) rule \(index): \(error.message)")
            }
        }
        return result
    }

    private init(
        _ rule: NetworkACL.Rule, _ direction: PacketFilter.Direction, origin: String, isACL: (String) -> Bool
    ) throws(APIError) {
        guard let action = NetworkACL.Action(configText: rule.action) else {
            throw .badRequest("Action must be one of: allow, drop, reject")
        }
        guard ["enabled", "disabled", "logged"].contains(rule.state) else {
            throw .badRequest("State must be one of: enabled, disabled, logged")
        }
        self.init(
            origin: origin, direction: direction, verdict: .init(action: action, isLogged: rule.state == "logged"),
            isEnabled: rule.state != "disabled")
        try readTransport(rule)
        // Who sends to the instances, and whom they send to, may be named; the instances themselves may not.
        sources = try read(rule.source, "Source", named: direction == .ingress, isACL)
        destinations = try read(rule.destination, "Destination", named: direction == .egress, isACL)
        try checkFamilies()
    }

    private mutating func readTransport(_ rule: NetworkACL.Rule) throws(APIError) {
        if let name = rule.protocol {
            guard let known = PacketFilter.Transport(rawValue: name) else {
                throw .badRequest("Protocol must be one of: icmp4, icmp6, tcp, udp")
            }
            transport = known
        }
        let isICMP = transport == .icmp4 || transport == .icmp6
        func ports(_ text: String?, _ what: String) throws(APIError) -> [PortRange] {
            guard let text else { return [] }
            guard transport != nil else {
                throw .badRequest("\(what) cannot be used without specifying protocol")
            }
            guard !isICMP else { throw .badRequest("\(what) cannot be used with ICMP protocol") }
            guard let read = ConfigList<PortRange>(configText: text)?.elements else {
                throw .badRequest("Invalid \(what): it must be ports from 1 to 65535 such as 80,90-100")
            }
            return PortRange.merged(read)
        }
        func number(_ text: String?, _ what: String) throws(APIError) -> UInt8? {
            guard let text else { return nil }
            guard isICMP else {
                throw .badRequest(
                    transport == nil
                        ? "\(what) cannot be used without specifying protocol"
                        : "\(what) cannot be used with non-ICMP protocol")
            }
            guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let read = UInt8(text)
            else {
                throw .badRequest(
                    "Invalid \(what): Invalid value for an integer \"\(text)\". Must be between 0 and 255")
            }
            return read
        }
        sourcePorts = try ports(rule.sourcePort, "Source port")
        destinationPorts = try ports(rule.destinationPort, "Destination port")
        icmpType = try number(rule.icmpType, "ICMP type")
        icmpCode = try number(rule.icmpCode, "ICMP code")
        // nftables has a code only with its type, whatever the code means alone.
        guard icmpCode == nil || icmpType != nil else {
            throw .badRequest("ICMP code cannot be used without ICMP type")
        }
    }

    private mutating func read(
        _ text: String?, _ what: String, named allowsNames: Bool, _ isACL: (String) -> Bool
    ) throws(APIError) -> [AddressRange] {
        var ranges: [AddressRange] = []
        for part in text?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
            let subject = String(part.drop { $0 == " " }.prefix { $0 != " " })
            if let range = AddressRange(configText: subject) {
                ranges.append(range)
            } else if subject.hasPrefix("@") && subject.utf8.count > 1 || isACL(subject) {
                guard allowsNames else {
                    throw .badRequest(
                        "Invalid \(what): Named subjects not allowed in \"\(what)\" for \"\(direction.rawValue)\" rules"
                    )
                }
                named.append(subject)
            } else {
                throw .badRequest("Invalid \(what): Invalid subject \"\(subject)\"")
            }
        }
        return AddressRange.merged(ranges)
    }

    private func checkFamilies() throws(APIError) {
        for (ranges, what) in [(sources, "source"), (destinations, "destination")] where !ranges.isEmpty {
            if transport == .icmp4, ranges.contains(where: \.isIPv6) {
                throw .badRequest("Cannot use IPv6 \(what) addresses with \"icmp4\" protocol")
            }
            if transport == .icmp6, ranges.contains(where: { !$0.isIPv6 }) {
                throw .badRequest("Cannot use IPv4 \(what) addresses with \"icmp6\" protocol")
            }
        }
        if families == [] { throw .badRequest("Conflicting IP family types used for Source and Destination") }
    }

    /// Of which families packets can be that the rule is about, true for IPv6; nil when it does not matter.
    var families: [Bool]? {
        let lists = [sources, destinations].filter { !$0.isEmpty }
        if lists.isEmpty {
            switch transport {
            case .icmp4: return [false]
            case .icmp6: return [true]
            default: return nil
            }
        }
        return [false, true].filter { family in lists.allSatisfy { $0.contains { $0.isIPv6 == family } } }
    }
}
