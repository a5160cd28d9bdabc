import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexNetwork
import Logging

extension Instances {
    typealias StartedNIC = (ready: ReadyNIC, attached: AttachedNIC, tuning: NICTuning)

    /// Makes the interfaces of an instance that starts, those with the highest `boot.priority` first.
    func attachNICs(
        _ record: InstanceRecord, _ wanted: [String: WantedNIC], _ rollback: Rollback
    ) async throws -> [StartedNIC] {
        var result: [StartedNIC] = []
        for (device, wish) in Self.inOrder(wanted) {
            let (attached, tuning) = try await make(device, wish, of: record)
            await rollback.add("detach \(device)") { try await self.takeAway(attached, wish, tuning) }
            let ready = ReadyNIC(
                device: device, peerName: attached.peerName, insideName: wish.insideName, hostName: attached.hostName,
                settings: wish.settings)
            result.append((ready, attached, tuning))
        }
        return result
    }

    private static func inOrder(_ wanted: [String: WantedNIC]) -> [(key: String, value: WantedNIC)] {
        wanted.sorted { left, right in
            let (first, second) = (left.value.device.bootPriority, right.value.device.bootPriority)
            return first != second ? first > second : left.key < right.key
        }
    }

    /// Makes one on the host, with everything that is to hold from its first packet on.
    private func make(
        _ device: String, _ wanted: WantedNIC, of record: InstanceRecord
    ) async throws -> (AttachedNIC, NICTuning) {
        let place = try await networks.attachment(wanted.device, owner: owner(device, record), project: record.project)
        let (nic, tuning) = try await networks.tuned(nic(device, wanted, of: record), wanted, project: record.project)
        let attached = try await place.attach(nic)
        do {
            try await NICTuning.bring(attached, from: nil, to: tuning, firewall: networks.firewall)
        } catch {
            try? await takeAway(attached, wanted, tuning)
            throw error
        }
        return (attached, tuning)
    }

    private func owner(_ device: String, _ record: InstanceRecord) -> NICOwner {
        NICOwner(project: record.project, instance: record.name, device: device)
    }

    /// An interface as its network is asked for it.
    func nic(_ device: String, _ wanted: WantedNIC, of record: InstanceRecord) throws -> NIC {
        NIC(
            owner: owner(device, record), name: try InstanceName(record.name),
            hardwareAddress: wanted.hardwareAddress, hostName: wanted.device.hostName, mtu: wanted.device.mtu,
            ipv4: wanted.device.bridged?.ipv4?.address, ipv6: wanted.device.bridged?.ipv6?.address,
            vlans: wanted.device.bridged.flatMap {
                $0.wantsVLANs ? PortVLANs(untagged: $0.vlan, tagged: $0.taggedVLANs) : nil
            })
    }

    /// What is to be noted of the interfaces of a run, by key.
    static func volatile(_ nics: [String: AttachedNIC]) -> [String: String] {
        var config: [String: String] = [:]
        for (device, nic) in nics {
            config["volatile.\(device).host_name"] = nic.hostName
            if nic.vlan != nil { config["volatile.\(device).last_state.created"] = "true" }
            guard case .physical(let address, let mtu) = nic.kind else { continue }
            if nic.vlan == nil { config["volatile.\(device).last_state.created"] = "false" }
            config["volatile.\(device).last_state.hwaddr"] = MACAddress(bytes: address)?.description
            config["volatile.\(device).last_state.mtu"] = String(mtu)
        }
        return config
    }

    /// Notes the interfaces of a run in a record, in place of those before; with none, that there is no run.
    static func note(_ nics: [String: AttachedNIC], in config: inout [String: String]) {
        for key in config.keys {
            guard let (_, field) = InstanceKeys.Volatile.device(of: key) else { continue }
            if field == "host_name" || field.hasPrefix("last_state.") { config[key] = nil }
        }
        config.merge(volatile(nics)) { $1 }
    }

    // MARK: while it runs

    /// Brings the interfaces and proxies of a running instance to what they are to be. When one is refused, those that
    /// were changed are brought back.
    func bringCards(_ wanted: WantedCards, of record: InstanceRecord) async throws {
        guard let run = liveInstance(record.key).run else { return }
        let before = run.wantedCards
        guard before != wanted else { return }
        do {
            try await changeCards(to: wanted, run, record)
        } catch {
            do { try await changeCards(to: before, run, record) } catch let second {
                logger.error(
                    "cannot bring back the interfaces of an instance",
                    metadata: ["instance": "\(record.key)", "error": "\(second)"])
            }
            throw error
        }
    }

    private func changeCards(
        to wanted: WantedCards, _ run: LiveInstance.Run, _ record: InstanceRecord
    ) async throws {
        // What needs the interfaces goes before them, and comes after.
        let remade = Set(
            run.wantedNICs.filter { !(wanted.nics[$0.key]?.isMade(as: $0.value) ?? false) }.map(\.key))
        try await endProxies(run, record.key) { device, proxy in
            wanted.proxies[device] != proxy.wanted || proxy.wanted.nic.map(remade.contains) == true
        }
        let present = liveInstance(record.key).run?.wantedNICs ?? [:]
        for (device, wish) in Self.inOrder(present).reversed() {
            if let next = wanted.nics[device], next.isMade(as: wish) { continue }
            try await unplug(device, wish, from: run, of: record.key)
        }
        for (device, wish) in Self.inOrder(wanted.nics) {
            let old = liveInstance(record.key).run?.wantedNICs[device]
            if old == nil {
                try await plug(device, wish, of: record, into: run)
            } else if old != wish {
                try await retune(device, wish, of: record, run)
            }
        }
        for (device, wish) in wanted.proxies.sorted(by: { $0.key < $1.key })
        where liveInstance(record.key).run?.proxies[device] == nil {
            let proxy = try await startProxy(device, wish, of: record.key, liveInstance(record.key).run ?? run)
            follow(proxy, device, of: record.key, run)
        }
    }

    private func plug(
        _ device: String, _ wanted: WantedNIC, of record: InstanceRecord, into run: LiveInstance.Run
    ) async throws {
        let (attached, tuning) = try await make(device, wanted, of: record)
        do {
            try await blocking {
                try run.process.take(attached.peerName, as: wanted.insideName)
                if let routed = wanted.device.routed {
                    try run.process.withNetlink { try AttachedNIC.configure(wanted.insideName, routed, $0) }
                } else if let ipvlan = wanted.device.ipvlan {
                    try run.process.withNetlink { try AttachedNIC.configure(wanted.insideName, ipvlan, $0) }
                }
            }
        } catch {
            try? await takeAway(attached, wanted, tuning)
            throw APIError.badRequest(
                "Cannot give the running instance its interface \"\(device)\" as \(wanted.insideName): \(error). Choose "
                    + "another name for it inside (name), or stop the instance first")
        }
        liveInstance(record.key).change(run) {
            $0.nics[device] = attached
            $0.wantedNICs[device] = wanted
            $0.tunings[device] = tuning
        }
    }

    private func unplug(
        _ device: String, _ wanted: WantedNIC, from run: LiveInstance.Run, of key: String
    ) async throws {
        if let attached = liveInstance(key).run?.nics[device] {
            if !attached.hasHostEnd {
                try await blocking {
                    try run.process.withNetlink { try attached.takeBack(from: $0, name: wanted.insideName) }
                }
            }
            try await takeAway(attached, wanted, liveInstance(key).run?.tunings[device])
        }
        liveInstance(key).change(run) {
            $0.nics[device] = nil
            $0.wantedNICs[device] = nil
            $0.tunings[device] = nil
        }
    }

    /// Changes what can be changed of an interface that stays.
    private func retune(
        _ device: String, _ wanted: WantedNIC, of record: InstanceRecord, _ run: LiveInstance.Run
    ) async throws {
        guard let live = liveInstance(record.key).run, let attached = live.nics[device] else { return }
        let (nic, tuning) = try await networks.tuned(nic(device, wanted, of: record), wanted, project: record.project)
        try await networks.update(nic, wanted.device)
        // Noted before: of one that is refused in the middle the rest is changed back from here.
        let old = live.tunings[device] ?? NICTuning()
        do {
            try await NICTuning.bring(attached, from: old, to: tuning, firewall: networks.firewall)
        } catch {
            try? await NICTuning.bring(attached, from: tuning, to: old, firewall: networks.firewall)
            throw error
        }
        liveInstance(record.key).change(run) {
            $0.wantedNICs[device] = wanted
            $0.tunings[device] = tuning
        }
    }

    // MARK: the end

    /// Takes everything of an interface away from the host.
    private func takeAway(_ attached: AttachedNIC, _ wanted: WantedNIC?, _ tuning: NICTuning?) async throws {
        if let tuning {
            try await NICTuning.removeRoutes(of: attached, tuning, bridge: wanted?.bridge)
            if tuning.hasRules { try await networks.firewall.remove(card: attached.hostName) }
        }
        try await networks.detach(attached)
    }

    /// Takes an interface of the host's own back from a network that ends: liblxc gives only those back that it was
    /// started with, and only while it lives. Ours is the last hold on that network.
    private func takeBackLent(_ nic: AttachedNIC, _ wanted: WantedNIC?, _ process: RunningInstance) async throws {
        guard case .physical = nic.kind else { return }
        try await blocking {
            guard try NetlinkSession().link(named: nic.hostName) == nil else { return }
            try? process.withNetlink { try nic.takeBack(from: $0, name: wanted?.insideName ?? nic.hostName) }
        }
    }

    /// Takes the interfaces of a run that is over away. Those without an end on the host come back only when liblxc
    /// has put the run away: `early` leaves them.
    func detach(_ key: String, _ run: EndedCards, early: Bool = false) async {
        for (device, nic) in run.nics where !early || nic.hasHostEnd {
            do {
                if let process = run.process { try await takeBackLent(nic, run.wantedNICs[device], process) }
                try await takeAway(nic, run.wantedNICs[device], run.tunings[device])
            } catch {
                logger.error(
                    "cannot take an interface away",
                    metadata: ["instance": "\(key)", "device": "\(device)", "error": "\(error)"])
            }
        }
    }
}

/// What a run that is over had of interfaces.
struct EndedCards: Sendable {
    /// Its processes are gone, but its network is still held.
    var process: RunningInstance?
    var nics: [String: AttachedNIC] = [:]
    var wantedNICs: [String: WantedNIC] = [:]
    var tunings: [String: NICTuning] = [:]
    var proxies: [String: RunningProxy] = [:]
}

extension LiveInstance.Run {
    /// Its interfaces and proxies, for their end.
    var cards: EndedCards {
        EndedCards(process: process, nics: nics, wantedNICs: wantedNICs, tunings: tunings, proxies: proxies)
    }
    /// What they are to be.
    var wantedCards: WantedCards { WantedCards(nics: wantedNICs, proxies: proxies.mapValues(\.wanted)) }
}
