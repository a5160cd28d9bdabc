import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexNetwork
import Logging
import NIOCore

/// A proxy as an instance is to have it.
struct WantedProxy: Sendable, Equatable {
    let device: ProxyDevice
    /// What the kernel does for one with `nat`; nil for one that has a process.
    let forward: ProxyForward?
    /// The interface by which the kernel reaches the instance.
    var nic: String?

    /// One line for the next lexd, by which it sees whether a process is what is wanted.
    var note: String {
        "\(device.listen) \(device.connect) \(device.bind.isInstance) \(device.tellsWho) \(device.mode) \(device.owner) "
            + "\(device.user.map(String.init) ?? "-") \(device.group.map(String.init) ?? "-")"
    }
}

/// A proxy of a running instance.
struct RunningProxy: Sendable {
    let wanted: WantedProxy
    /// Its process; nil where the kernel does it.
    let process: RunningProcess?
}

extension Instances {
    /// The proxies an instance is to have, by device. Throws a 400 for one with `nat` whose instance has no fixed address
    /// for it.
    func wantedProxies(
        _ devices: [String: Device], _ nics: [String: WantedNIC], project: String
    ) async throws -> [String: WantedProxy] {
        var wanted: [String: WantedProxy] = [:]
        for (name, kind) in devices {
            guard case .proxy(let device) = kind else { continue }
            wanted[name] =
                device.isNAT
                ? try await forward(name, device, nics, project) : WantedProxy(device: device, forward: nil)
        }
        return wanted
    }

    private func forward(
        _ name: String, _ device: ProxyDevice, _ nics: [String: WantedNIC], _ project: String
    ) async throws -> WantedProxy {
        guard let listen = device.listen.address else {
            throw APIError.badRequest("Invalid device \"\(name)\": nat needs an address to listen on")
        }
        for (card, nic) in nics.sorted(by: { $0.key < $1.key }) {
            let fixed = nic.device.fixedAddresses.filter { $0.isIPv6 == listen.isIPv6 }
            let asked = device.connect.address.flatMap { $0.isWildcard ? nil : $0 }
            guard let target = asked == nil ? fixed.first : fixed.first(where: { $0 == asked }) else { continue }
            var neighbours = AddressRange(target, target)
            if let network = nic.device.network, let settings = await networks.driver(network)?.settings {
                neighbours =
                    target.isIPv6 ? settings.ipv6.map { AddressRange($0) } : settings.ipv4.map { AddressRange($0) }
            }
            guard let neighbours = neighbours ?? AddressRange(target, target) else { continue }
            return WantedProxy(
                device: device,
                forward: ProxyForward(
                    transport: device.listen.transport.rawValue, listen: listen, ports: device.listen.ports,
                    target: target, targetPorts: device.connect.ports, neighbours: neighbours), nic: card)
        }
        let family = listen.isIPv6 ? "ipv6" : "ipv4"
        throw APIError.badRequest(
            "Invalid device \"\(name)\": with nat the instance must have "
                + (device.connect.address.flatMap { $0.isWildcard ? nil : "the address \($0)" } ?? "an address")
                + " fixed: set \(family).address of one of its interfaces, bridged or routed")
    }

    // MARK: begin and end

    /// Starts the proxies of an instance that has just been started.
    func startProxies(
        _ wanted: [String: WantedProxy], of key: String, _ run: inout LiveInstance.Run, _ rollback: Rollback
    ) async throws {
        for (device, wish) in wanted.sorted(by: { $0.key < $1.key }) {
            let proxy = try await startProxy(device, wish, of: key, run)
            await rollback.add("end the proxy \(device)") { try await self.end(proxy, device, of: key) }
            run.proxies[device] = proxy
        }
    }

    func startProxy(
        _ device: String, _ wanted: WantedProxy, of key: String, _ run: LiveInstance.Run
    ) async throws -> RunningProxy {
        if let forward = wanted.forward {
            let owner = try Self.owner(device, key)
            if let other = await networks.firewall.owner(of: forward, except: owner) {
                throw APIError.conflict(
                    "Cannot start the proxy \"\(device)\": \(other) listens on \(forward.listen) and one of its ports "
                        + "already")
            }
            try await networks.firewall.put(owner, forward)
            try await setHairpin(true, wanted, run)
            return RunningProxy(wanted: wanted, process: nil)
        }
        do {
            try await host.runtime.proxy(
                job(wanted, runFile: runFile(device, key), isUnprivileged: !run.ids.isEmpty),
                title: Self.title(device, key), of: run.process)
        } catch {
            await removeTraces(of: device, wanted, key)
            throw APIError.badRequest("Cannot start the proxy \"\(device)\": \(error)")
        }
        guard let process = try process(device, of: key)?.process else {
            throw APIError.failed("Cannot start the proxy \"\(device)\": its process has ended at once")
        }
        return RunningProxy(wanted: wanted, process: process)
    }

    /// Whether an instance may come to itself by its proxy. Where bridged packets meet the firewall (br_netfilter), the
    /// bridge is given them back with their new address, and sends none out by the port it came by otherwise.
    private func setHairpin(_ isOn: Bool, _ wanted: WantedProxy, _ run: LiveInstance.Run) async throws {
        guard let name = wanted.nic.flatMap({ run.nics[$0]?.hostName }) else { return }
        try await blocking {
            let path = "/sys/class/net/\(name)/brport/hairpin_mode"
            // One that is routed is in no bridge.
            if access(path, F_OK) == 0 { try writeKernelFile(path, isOn ? "1" : "0") }
        }
    }

    /// Ends those of a run's proxies that are chosen.
    func endProxies(
        _ run: LiveInstance.Run, _ key: String, where isChosen: (String, RunningProxy) -> Bool
    ) async throws {
        for (device, proxy) in liveInstance(key).run?.proxies ?? [:] where isChosen(device, proxy) {
            try await end(proxy, device, of: key)
            liveInstance(key).change(run) { $0.proxies[device] = nil }
            let others = liveInstance(key).run?.proxies.values.contains { $0.wanted.nic == proxy.wanted.nic } ?? false
            if !others { try? await setHairpin(false, proxy.wanted, run) }
        }
    }

    /// Ends a proxy and takes away what it leaves.
    func end(_ proxy: RunningProxy, _ device: String, of key: String) async throws {
        if proxy.wanted.forward != nil { try await networks.firewall.remove(proxy: Self.owner(device, key)) }
        try await proxy.process?.end(within: .seconds(5))
        if proxy.wanted.forward == nil { await removeTraces(of: device, proxy.wanted, key) }
    }

    /// Ends the proxies of a run that is over; those with a process have ended with it.
    func endProxies(of key: String, _ proxies: [String: RunningProxy]) async {
        for (device, proxy) in proxies {
            do { try await end(proxy, device, of: key) } catch {
                logger.error(
                    "cannot end a proxy",
                    metadata: ["instance": "\(key)", "device": "\(device)", "error": "\(error)"])
            }
        }
    }

    private func removeTraces(of device: String, _ wanted: WantedProxy, _ key: String) async {
        let file = runFile(device, key)
        let socket = wanted.device.listen.isPath && !wanted.device.bind.isInstance ? wanted.device.listen.path : nil
        try? await blocking {
            unlink(file)
            unlink(file + ".new")
            // Only one at which nobody listens: somebody else may have made another.
            var status = stat()
            guard let socket, lstat(socket, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
            let probe = lex_connect_unix(socket)
            if probe >= 0 {
                close(probe)
            } else if errno == ECONNREFUSED {
                unlink(socket)
            }
        }
    }

    private func job(_ wanted: WantedProxy, runFile: String, isUnprivileged: Bool) -> ProxyJob {
        let device = wanted.device
        return ProxyJob(
            listens: device.listen.jobEnds, connects: device.connect.jobEnds, listensInside: device.bind.isInstance,
            isUnprivileged: isUnprivileged, tellsWho: device.tellsWho, ownerUser: device.owner.user,
            ownerGroup: device.owner.group, mode: device.mode, user: device.user ?? .max,
            group: device.group ?? .max, runFile: runFile, note: wanted.note)
    }

    // MARK: looked after

    /// Notes a proxy of a run, and looks after it.
    func follow(_ proxy: RunningProxy, _ device: String, of key: String, _ run: LiveInstance.Run) {
        liveInstance(key).change(run) { $0.proxies[device] = proxy }
        if let process = proxy.process { followsProxy(device, process, of: key, run) }
    }

    /// Starts a proxy again whose process ends without having been asked to, for as long as the run has it.
    func keep(_ device: String, _ first: RunningProcess, of key: String, _ run: LiveInstance.Run) async {
        var process = first
        var pause = RestartPause()
        while true {
            pause.began()
            do { try await process.ended() } catch { return }
            pause.ended()
            repeat {
                do { try await pause.wait() } catch { return }
                do {
                    guard let next = try await replaceProxy(device, process, of: key, run) else { return }
                    process = next
                } catch {
                    // With the instance its proxies end, and what ends first is seen first.
                    if await isEnding(run, of: key) { return }
                    logger.error(
                        "cannot start a proxy again that ended",
                        metadata: ["instance": "\(key)", "device": "\(device)", "error": "\(error)"])
                }
            } while process.hasEnded && !Task.isCancelled
        }
    }

    /// Whether a run is over, or just about to be: its init has gone, or its end was asked for. What it took along may be
    /// seen a moment earlier than that.
    private func isEnding(_ run: LiveInstance.Run, of key: String) async -> Bool {
        func isOver() -> Bool {
            let instance = liveInstance(key)
            return !run.isSame(as: instance.run) || instance.lifecycle.phase == .stopping || run.process.hasEnded
                || kill(run.process.initProcess, 0) != 0
        }
        if isOver() { return true }
        return await run.ended.wait(.seconds(1)) || isOver()
    }

    /// Nil when that process is not the proxy's any more, or the run is over.
    private func replaceProxy(
        _ device: String, _ process: RunningProcess, of key: String, _ run: LiveInstance.Run
    ) async throws -> RunningProcess? {
        // Who ends a proxy on purpose holds the lock until that is noted.
        try await locks.with(key) {
            guard !run.process.hasEnded, liveInstance(key).lifecycle.phase != .stopping,
                let current = liveInstance(key).run, current.isSame(as: run),
                let proxy = current.proxies[device], proxy.process === process
            else { return nil }
            logger.warning(
                "a proxy ended; starting it again",
                metadata: ["instance": "\(key)", "device": "\(device)", "pid": "\(process.id)"])
            await removeTraces(of: device, proxy.wanted, key)
            let next = try await startProxy(device, proxy.wanted, of: key, current)
            liveInstance(key).change(run) { $0.proxies[device] = next }
            return next.process
        }
    }

    // MARK: found again

    /// Has the firewall know the proxies with `nat` of all that probably run, before it writes anything: whoever connects
    /// while lexd starts is not to be refused. What does not run after all is taken out when that is known.
    func expectForwards() async throws {
        var forwards: [NICOwner: ProxyForward] = [:]
        for stored in try await records.list() where stored.value.config["volatile.last_state.power"] == "RUNNING" {
            for (device, proxy) in await presentCards(of: stored.value).proxies {
                if let forward = proxy.forward { forwards[try Self.owner(device, stored.value.key)] = forward }
            }
        }
        await networks.firewall.expect(forwards)
    }

    /// The proxies of an instance that was found running: what is wanted and not there is started, what is there and not
    /// wanted is ended.
    func adoptProxies(_ wanted: [String: WantedProxy], of key: String, _ run: LiveInstance.Run) async {
        for device in presentProxies(of: key) where wanted[device] == nil || wanted[device]?.forward != nil {
            try? await process(device, of: key)?.process.end(within: .seconds(5))
            unlink(runFile(device, key))
        }
        for (device, wish) in wanted.sorted(by: { $0.key < $1.key }) {
            do {
                var proxy: RunningProxy?
                if wish.forward == nil, let found = try process(device, of: key) {
                    if found.note == wish.note {
                        proxy = RunningProxy(wanted: wish, process: found.process)
                    } else {
                        try await found.process.end(within: .seconds(5))
                        await removeTraces(of: device, wish, key)
                    }
                }
                let known: RunningProxy
                if let proxy { known = proxy } else { known = try await startProxy(device, wish, of: key, run) }
                follow(known, device, of: key, run)
            } catch {
                logger.error(
                    "cannot start a proxy of an instance that was found running",
                    metadata: ["instance": "\(key)", "device": "\(device)", "error": "\(error)"])
            }
        }
    }

    /// Ends what is left of the proxies of a run that ended while nobody looked.
    func endLeftProxies(_ wanted: [String: WantedProxy], of key: String) async {
        for device in presentProxies(of: key) { try? await process(device, of: key)?.process.end(within: .seconds(5)) }
        for (device, wish) in wanted {
            if wish.forward == nil {
                await removeTraces(of: device, wish, key)
            } else {
                // Expected when lexd started.
                try? await networks.firewall.remove(proxy: Self.owner(device, key))
            }
        }
    }

    private func presentProxies(of key: String) -> [String] {
        let names = (try? directoryEntries(host.paths(of: key).run)) ?? []
        return names.filter { $0.hasPrefix("proxy.") && !$0.hasSuffix(".new") }.map {
            $0.dropFirst(6).map { $0 == "%" ? "/" : String($0) }.joined()
        }
    }

    private func process(_ device: String, of key: String) throws -> (process: RunningProcess, note: String)? {
        guard let text = try? readFile(runFile(device, key)) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count >= 2, let id = Int32(lines[0]), let process = try RunningProcess(id),
            process.arguments?.contains(where: { $0.hasSuffix(Self.title(device, key)) }) == true
        else { return nil }
        return (process, lines[1])
    }

    /// The name of a device may have slashes, and never a percent sign.
    private func runFile(_ device: String, _ key: String) -> String {
        "\(host.paths(of: key).run)/proxy." + device.map { $0 == "/" ? "%" : String($0) }.joined()
    }
    private static func title(_ device: String, _ key: String) -> String { "proxy \(key)/\(device)" }
    private static func owner(_ device: String, _ key: String) throws -> NICOwner {
        guard let owner = NICOwner("\(key)/\(device)") else { throw APIError.failed("\(key) names no instance") }
        return owner
    }
}

extension NICDevice {
    /// The addresses it always has.
    fileprivate var fixedAddresses: [IPAddress] {
        var addresses: [IPAddress] = []
        if let address = bridged?.ipv4?.address { addresses.append(.v4(address)) }
        if let address = bridged?.ipv6?.address { addresses.append(.v6(address)) }
        addresses += (routed?.ipv4 ?? []).map { .v4($0) }
        addresses += (routed?.ipv6 ?? []).map { .v6($0) }
        return addresses
    }
}

extension ProxyAddress {
    fileprivate var jobEnds: [ProxyEnd] {
        switch transport {
        case .unix:
            [
                isPath
                    ? ProxyEnd(kind: .file, path: path) : ProxyEnd(kind: .abstract, path: String(path.dropFirst()))
            ]
        case .tcp, .udp:
            ports.map {
                ProxyEnd(kind: transport == .tcp ? .tcp : .udp, address: address?.networkBytes ?? [], port: $0)
            }
        }
    }
}

extension IPAddress {
    /// Four or sixteen bytes.
    fileprivate var networkBytes: [UInt8] {
        switch self {
        case .v4(let address): [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address.value >> $0) }
        case .v6(let address): address.groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
        }
    }
}
