import LexAPI
import LexHost
import LexInstance
import LexNetwork
import LexStore
import Logging

// The interfaces of instances that a lexd before this one started.
extension Instances {
    /// The interfaces of an instance that it has, or that are left of it.
    func knownNICs(_ record: InstanceRecord) async throws -> [String: AttachedNIC] {
        let options = try await view(record).expandedDevices
        var nics: [String: AttachedNIC] = [:]
        for nic in try await networks.attachedNICs()
        where nic.owner.project == record.project && nic.owner.instance == record.name {
            let device = nic.owner.device
            let text = options[device]?["hwaddr"] ?? record.config["volatile.\(device).hwaddr"] ?? ""
            guard let address = MACAddress(configText: text) else { continue }
            nics[device] = AttachedNIC(
                owner: nic.owner, hostName: nic.hostName, hardwareAddress: address,
                kind: try await kind(options[device] ?? [:], device))
        }
        // Those without an end on the host: by what was noted of them.
        for (device, values) in options where values["type"] == "nic" && nics[device] == nil {
            guard let hostName = record.config["volatile.\(device).host_name"] else { continue }
            let owner = NICOwner(project: record.project, instance: record.name, device: device)
            let text = values["hwaddr"] ?? record.config["volatile.\(device).hwaddr"] ?? ""
            let address = MACAddress(configText: text)
            switch values["nictype"] {
            case "macvlan":
                guard let address else { continue }
                nics[device] = AttachedNIC(owner: owner, hostName: hostName, hardwareAddress: address, kind: .macvlan)
            case "ipvlan":
                guard let address = address ?? MACAddress(bytes: [0, 0, 0, 0, 0, 0]) else { continue }
                nics[device] = AttachedNIC(
                    owner: owner, hostName: hostName, hardwareAddress: address, kind: try await kind(values, device))
            case "physical":
                guard
                    let own = record.config["volatile.\(device).last_state.hwaddr"].flatMap({
                        MACAddress(configText: $0)
                    }), let mtu = record.config["volatile.\(device).last_state.mtu"].flatMap({ UInt32($0) })
                else { continue }
                nics[device] = AttachedNIC(
                    owner: owner, hostName: hostName, hardwareAddress: address ?? own,
                    kind: .physical(hardwareAddress: own.bytes, mtu: mtu))
            default: continue
            }
        }
        for (device, values) in options where record.config["volatile.\(device).last_state.created"] == "true" {
            guard let parent = values["parent"], let vlan = values["vlan"] else { continue }
            nics[device]?.vlan = "\(parent).\(vlan)"
        }
        return nics
    }

    private func kind(_ options: [String: String], _ device: String) async throws -> AttachedNIC.Kind {
        guard case .nic(let nic)? = try? Device(device, options) else { return .pair }
        switch nic.kind {
        case .macvlan: return .macvlan
        case .ipvlan:
            return .ipvlan(parent: try await parentInUse(nic) ?? "", answered: nic.ipvlan?.answered ?? [])
        case .routed:
            guard let routed = nic.routed, let parent = try await parentInUse(nic) else { return .pair }
            return .routed(parent: parent, answered: routed.ipv4.map { .v4($0) } + routed.ipv6.map { .v6($0) })
        case .bridged, .p2p, .physical, .sriov: return .pair
        }
    }

    /// The interface of the host one is made on: its parent, or the VLAN interface of that.
    private func parentInUse(_ nic: NICDevice) async throws -> String? {
        guard let parent = nic.parent, case .id(let id)? = nic.vlan else { return nic.parent }
        return try await blocking { try VLANParents.name(id, of: parent) }
    }

    /// The same with what was to be of them, for an instance that does not run: to put away what is left.
    func leftCards(_ record: InstanceRecord) async throws -> EndedCards {
        let nics = try await knownNICs(record)
        let wanted = await presentCards(of: record)
        await endLeftProxies(wanted.proxies, of: record.key)
        let known = wanted.nics.filter { nics[$0.key] != nil }
        return EndedCards(nics: nics, wantedNICs: known, tunings: await presentTunings(of: record, known))
    }

    /// What an instance that was found is to have of interfaces and proxies.
    func presentCards(of record: InstanceRecord) async -> WantedCards {
        do { return try await wantedCards(of: record) } catch {
            logger.error(
                "cannot tell the interfaces of an instance",
                metadata: ["instance": "\(record.key)", "error": "\(error)"])
            return WantedCards()
        }
    }

    /// What the ends of interfaces on the host allow: what they were told when they were made.
    func presentTunings(of record: InstanceRecord, _ wanted: [String: WantedNIC]) async -> [String: NICTuning] {
        var tunings: [String: NICTuning] = [:]
        for (device, wish) in wanted {
            tunings[device] = try? await networks.tuned(
                self.nic(device, wish, of: record), wish, project: record.project
            ).1
        }
        return tunings
    }

    /// Has the firewall know the rules of all that run.
    func adoptRules() async throws {
        var rules: [String: NICRules] = [:]
        for stored in try await records.list() {
            guard let run = liveInstance(stored.value.key).run else { continue }
            for (device, tuning) in run.tunings {
                if let nic = run.nics[device], let own = tuning.rules { rules[nic.hostName] = own }
            }
        }
        try await networks.firewall.adopt(rules)
    }

    /// Notes what lexd chose for the interfaces of a run that was given some without a change of its own.
    func noteCards(of key: String) async throws {
        guard let run = liveInstance(key).run, var stored = try await records.find(key) else { return }
        let before = stored.value.config
        try await completeNICs(&stored.value)
        for (device, wanted) in run.wantedNICs where wanted.device.kind != .physical {
            if wanted.device.hwaddr == nil, wanted.device.hasOwnHardwareAddress {
                stored.value.config["volatile.\(device).hwaddr"] = wanted.hardwareAddress.description
            }
            if wanted.device.name == nil { stored.value.config["volatile.\(device).name"] = wanted.insideName }
        }
        Self.note(run.nics, in: &stored.value.config)
        if stored.value.config != before { try await records.update(stored) }
    }
}
