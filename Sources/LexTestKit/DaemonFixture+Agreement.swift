import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC

extension DaemonFixture {
    /// Waits until what the daemon says, its pools and the host agree; answers what does not, each as a sentence.
    ///
    /// What lexd removes behind its answers takes a moment.
    package func disagreements(within patience: Duration = .seconds(15)) async throws -> [String] {
        let deadline = ContinuousClock.now + patience
        while true {
            let found = try await inconsistencies()
            if found.isEmpty || ContinuousClock.now > deadline { return found }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Where the instances, images and networks the daemon tells of, and what is on the host, do not agree at this
    /// moment. Each is a sentence.
    package func inconsistencies() async throws -> [String] {
        let full = try await client.call(API.instances.list, as: [Instance.Full].self, query: ["recursion": "2"])
        let told = Told(
            instances: full.map(\.instance),
            snapshots: Dictionary(uniqueKeysWithValues: full.map { ($0.instance.name, $0.snapshots ?? []) }),
            images: try await client.call(API.images.list, as: [Image].self, query: ["recursion": "1"]),
            networks: try await client.call(API.networks.list, as: [Network].self, query: ["recursion": "1"])
                .filter(\.managed).map(\.name),
            pools: try await client.call(API.storagePools.list, as: [StoragePool].self, query: ["recursion": "1"]))
        let links = try await Program("ip")("-details", "-oneline", "link", "show")
        let rules = try await Program("nft").run("list", "table", "inet", tag)
        let place = (tag: tag, directory: directory, work: work)
        let own: Set<String> = options.diskSize == nil ? [] : [directory]
        let daemon = daemonProcess?.id
        return try await blocking {
            let look = Agreement(told: told, tag: place.tag, directory: place.directory, daemon: daemon)
            return look.states()
                + (try look.pools())
                + (try look.imageFiles())
                + look.cgroups(try CgroupLayout.detect())
                + look.links(links)
                + look.firewall(rules.status == 0 ? rules.text : nil)
                + look.idRanges((try? readFile("/run/lexd-ids/ranges", limit: 16 << 20)) ?? "")
                + look.mounts(try readFile("/proc/self/mounts", limit: 64 << 20), below: place.work, except: own)
                + look.directories()
                + (try look.processes())
        }
    }
}

/// What the daemon says there is.
private struct Told: Sendable {
    let instances: [Instance]
    /// By their instance's name.
    let snapshots: [String: [Instance.Snapshot]]
    let images: [Image]
    let networks: [String]
    let pools: [StoragePool]

    var running: [Instance] { instances.filter(\.isUp) }
    var runningNames: Set<String> { Set(running.map(\.name)) }
}

extension Instance {
    fileprivate var isUp: Bool { status == "Running" || status == "Frozen" }
    fileprivate var pool: String? {
        expandedDevices.values.first { $0["type"] == "disk" && $0["path"] == "/" }?["pool"]
    }
}

/// The comparison of what a daemon says with what is there.
private struct Agreement {
    let told: Told
    let tag: String
    let directory: String
    /// The daemon itself.
    let daemon: Int32?

    /// Says what only one of two sets has.
    private func compare(_ found: Set<String>, _ expected: Set<String>, extra: String, missing: String) -> [String] {
        found.subtracting(expected).sorted().map { "\(extra): \($0)." }
            + expected.subtracting(found).sorted().map { "\(missing): \($0)." }
    }

    private func names(_ path: String) -> Set<String> { Set((try? directoryNames(path)) ?? []) }

    // MARK: the store and the files

    func states() -> [String] {
        told.instances.filter { !$0.isUp && $0.status != "Stopped" }
            .map { "Instance \($0.name) is \($0.status) for ever." }
    }

    func pools() throws -> [String] {
        var found: [String] = []
        var layers: Set<String> = []
        for pool in told.pools {
            let path = pool.config["source"] ?? "\(directory)/storage-pools/\(pool.name)"
            found += compare(
                names(path).subtracting(["lost+found"]),
                Set(["containers", "custom", "custom-snapshots", "empty", "images"])
                    .union(pool.driver == "dir" ? [] : ["layers"]),
                extra: "The pool \(pool.name) holds something nobody needs",
                missing: "The pool \(pool.name) lacks a directory")
            let here = told.instances.filter { $0.pool == pool.name }
            found += compare(
                names("\(path)/containers"), Set(here.map(\.name)),
                extra: "A volume in the pool \(pool.name) has no instance",
                missing: "An instance has no volume in the pool \(pool.name)")
            var chained: Set<String> = []
            for instance in here {
                let volume = "\(path)/containers/\(instance.name)"
                let snapshots = Set((told.snapshots[instance.name] ?? []).map(\.name))
                // Those once made leave the layers that it stands on.
                found += compare(
                    names(volume).subtracting(pool.driver == "dir" ? [] : ["below", "plain"]),
                    Set(pool.driver == "dir" ? ["rootfs", "backup.yaml"] : ["upper", "work", "backup.yaml"])
                        .union(snapshots.isEmpty ? [] : ["snapshots"]),
                    extra: "The volume of \(instance.name) holds something strange",
                    missing: "The volume of \(instance.name) lacks a part")
                found += compare(
                    names(volume + "/snapshots"), snapshots,
                    extra: "Files of \(instance.name) belong to no snapshot",
                    missing: "A snapshot of \(instance.name) has no files")
                chained.formUnion(chain(volume))
                for snapshot in snapshots { chained.formUnion(chain("\(volume)/snapshots/\(snapshot)")) }
            }
            found += compare(
                names(path + "/layers"), chained, extra: "A layer of changes belongs to nothing",
                missing: "A layer of changes is not there")
            let wanted = Set(told.images.map(\.fingerprint) + here.compactMap { $0.config["volatile.base_image"] })
            let present = names("\(path)/images")
            found += present.subtracting(wanted).sorted().map {
                "A layer in the pool \(pool.name) belongs to no image and no instance: \($0)."
            }
            for layer in present where !names("\(path)/images/\(layer)").isSuperset(of: ["metadata.yaml", "rootfs"]) {
                found.append("The layer \(layer) in the pool \(pool.name) is not whole.")
            }
            for instance in here {
                // One that came from another pool has all of its files, and stands on nothing.
                let volume = "\(path)/containers/\(instance.name)"
                let isWhole = ([volume + "/upper", volume + "/rootfs"] + chain(volume).map { "\(path)/layers/\($0)" })
                    .contains { names($0).isSuperset(of: ["bin", "etc"]) }
                if let image = instance.config["volatile.base_image"], !isWhole, !present.contains(image) {
                    found.append("Instance \(instance.name) stands on a layer that is not there: \(image).")
                }
            }
            layers.formUnion(present)
        }
        return found
            + told.images.filter { !layers.contains($0.fingerprint) }
            .map { "No pool has the layer of the image \($0.fingerprint)." }
    }

    /// The layers that something in an overlay pool stands on.
    private func chain(_ directory: String) -> [String] {
        var text = [CChar](repeating: 0, count: 4096)
        let count = readlink(directory + "/below", &text, text.count)
        guard count > 0 else { return [] }
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: ":")
            .map(String.init).filter { $0 != "whole" }
    }

    func imageFiles() throws -> [String] {
        let path = "\(directory)/images"
        let files = names(path)
        // One that came in two files has a second with this ending.
        let ending = ".rootfs"
        let owners = Set(files.map { $0.hasSuffix(ending) ? String($0.dropLast(ending.count)) : $0 })
        var found = compare(
            owners, Set(told.images.map(\.fingerprint)), extra: "A file is no image's",
            missing: "An image has no file")
        for image in told.images {
            let sizes = [image.fingerprint, image.fingerprint + ending].filter(files.contains).map { name in
                var status = stat()
                return stat("\(path)/\(name)", &status) == 0 ? Int64(status.st_size) : 0
            }
            let size = sizes.reduce(0, +)
            if !sizes.isEmpty, size != image.size {
                found.append("The files of the image \(image.fingerprint) have \(size) bytes.")
            }
        }
        return found
    }

    /// Entries of directories that have one for each instance or network.
    func directories() -> [String] {
        compare(
            names("/run/\(tag)/instances"), told.runningNames, extra: "A run directory belongs to nothing that runs",
            missing: "A running instance has no run directory")
            + names("\(directory)/logs").subtracting(told.instances.map(\.name)).sorted().map {
                "Logs belong to no instance: \($0)."
            }
            + compare(
                names("\(directory)/networks"), Set(told.networks), extra: "A directory belongs to no network",
                missing: "A network has no directory")
    }

    // MARK: the kernel's things

    func mounts(_ text: String, below work: String, except own: Set<String>) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 1, line.contains(work) || line.contains(tag), !own.contains(String(fields[1])) else {
                return nil
            }
            return "Something is mounted: \(line)."
        }
    }

    func cgroups(_ layout: CgroupLayout) -> [String] {
        let expected = Set(told.running.flatMap { ["\(tag).payload.\($0.name)", "\(tag).monitor.\($0.name)"] })
        // The group monitors go to at their end stays until the daemon's.
        let found = layout.groups(withPrefix: tag + ".").subtracting(["\(tag).pivot"])
        return compare(
            found, expected, extra: "A control group belongs to nothing that runs",
            missing: "A running instance lacks a control group")
    }

    func links(_ text: String) -> [String] {
        var nics: Set<String> = []
        var bridges: Set<String> = []
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 1,
                let alias = line.split(separator: "\\").first(where: { $0.contains(" alias \(tag) ") })
            else { continue }
            let name = fields[1].prefix { $0 != ":" && $0 != "@" }
            let words = alias.split(separator: " ").map(String.init)
            guard let kind = words.firstIndex(of: tag).map({ $0 + 1 }), kind + 1 < words.count else { continue }
            if words[kind] == "nic" {
                nics.insert("\(words[kind + 1]) as \(name)")
            } else if words[kind] != "vlan" {
                bridges.insert(String(name))
            }
        }
        let wanted = told.running.flatMap { instance in
            // Those without an end on the host are inside alone.
            instance.expandedDevices.filter {
                $0.value["type"] == "nic" && !["macvlan", "ipvlan", "physical"].contains($0.value["nictype"])
            }.keys.map {
                "default/\(instance.name)/\($0) as \(instance.config["volatile.\($0).host_name"] ?? "?")"
            }
        }
        let remembered = told.instances.filter { !$0.isUp }.flatMap { instance in
            instance.config.keys.filter { $0.hasSuffix(".host_name") }.map {
                "Instance \(instance.name) does not run and remembers \($0)."
            }
        }
        return compare(
            nics, Set(wanted), extra: "An interface belongs to nothing that runs",
            missing: "A running instance lacks its interface")
            + compare(
                bridges, Set(told.networks), extra: "A bridge belongs to no network", missing: "A network has no bridge"
            )
            + remembered
    }

    func firewall(_ rules: String?) -> [String] {
        guard let rules else { return told.networks.isEmpty ? [] : ["There is no firewall table \(tag)."] }
        if told.networks.isEmpty { return ["The firewall table \(tag) is there for no network."] }
        return told.networks.filter { !rules.contains("\"\($0)\"") }.map { "No firewall rule is for network \($0)." }
    }

    func idRanges(_ table: String) -> [String] {
        var mine: Set<String> = []
        var bases: [Substring: Int] = [:]
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 2)
            guard fields.count == 3 else { return ["The table of id ranges has a broken line: \(line)."] }
            // Where it has more than one range, their number comes behind the first id.
            let base = fields[0].prefix { $0 != "+" }
            bases[base, default: 0] += 1
            if fields[2] == directory { mine.insert("\(fields[1]) from \(base)") }
        }
        let wanted = told.instances.map { "default/\($0.name) from \($0.config["volatile.idmap.base"] ?? "?")" }
        return compare(
            mine, Set(wanted), extra: "A range of ids belongs to no instance",
            missing: "An instance has no range of ids")
            + bases.filter { $0.value > 1 }.map { "The ids from \($0.key) belong to two." }
    }

    // MARK: processes

    func processes() throws -> [String] {
        var found: [String] = []
        var monitors: [String: Int] = [:]
        var proxies: Set<String> = []
        let wantedProxies = Set(
            told.running.flatMap { instance in
                instance.expandedDevices.filter { $0.value["type"] == "proxy" && $0.value["nat"] != "true" }.keys.map {
                    "\(instance.name)/\($0)"
                }
            })
        var servers: [String: Int] = [:]
        var spares = 0
        let helpers = ["lexd-runtime", "lexd-archive"].compactMap { identity("\(DaemonFixture.programs)/\($0)") }
        for id in try RunningProcess.all() {
            guard let process = try? RunningProcess(id), let arguments = process.arguments, !arguments.isEmpty else {
                continue
            }
            let line = arguments.joined(separator: " ")
            let groups = (try? readFile("/proc/\(id)/cgroup")) ?? ""
            if let name = member(of: "payload", groups) {
                if !told.runningNames.contains(name) { found.append("A process of \(name) lives on: \(id) \(line).") }
            } else if line.hasPrefix("[lxc monitor]") {
                guard line.contains("/run/\(tag)/") else { continue }
                monitors[arguments[0].split(separator: " ").last.map(String.init) ?? "", default: 0] += 1
            } else if let option = arguments.first(where: { $0.hasPrefix("--pid-file=\(directory)/networks/") }) {
                servers[option.split(separator: "/").dropLast().last.map(String.init) ?? "", default: 0] += 1
            } else if let program = identity("/proc/\(id)/exe"), helpers.contains(program) {
                // The holder of the consoles outlives the daemon; that of another daemon is not ours to judge.
                if line.contains(" consoles /run/") || process.hasEnded { continue }
                if let word = line.split(separator: " ").last, line.contains("proxy default/"),
                    wantedProxies.contains(String(word.dropFirst("default/".count)))
                {
                    proxies.insert(String(word.dropFirst("default/".count)))
                    continue
                }
                if let directory = arguments.last(where: { $0.hasPrefix("intercept /run/") }) {
                    // Likewise, and as long as its instance.
                    let name = directory.split(separator: "/").last.map(String.init) ?? ""
                    if !directory.contains("/run/\(tag)/") || told.runningNames.contains(name) { continue }
                }
                if arguments.dropFirst().first?.hasPrefix("spare ") == true {
                    // Other daemons have theirs.
                    let keeper = try? parentProcess(of: id)
                    if let keeper, keeper == daemon {
                        spares += 1
                        continue
                    }
                    if let keeper, identity("/proc/\(keeper)/exe") == identity("\(DaemonFixture.programs)/lexd") {
                        continue
                    }
                }
                found.append("A helper still works: \(id) \(line).")
            }
        }
        found += wantedProxies.subtracting(proxies).map { "A running instance lacks its proxy: \($0)." }
        if spares > 1 { found.append("There are \(spares) helpers without a job.") }
        for name in Set(monitors.keys).union(told.runningNames) {
            let wanted = told.runningNames.contains(name) ? 1 : 0
            if monitors[name] ?? 0 != wanted { found.append("\(name) has \(monitors[name] ?? 0) monitors.") }
        }
        for name in Set(servers.keys).union(told.networks) {
            let wanted = told.networks.contains(name) ? 1 : 0
            if servers[name] ?? 0 != wanted { found.append("Network \(name) has \(servers[name] ?? 0) dnsmasq.") }
        }
        return found.sorted()
    }

    /// The instance whose group of this kind a process is in, by its lines in /proc/PID/cgroup.
    private func member(of kind: String, _ groups: String) -> String? {
        for line in groups.split(separator: "\n") {
            for part in line.split(separator: "/") where part.hasPrefix("\(tag).\(kind).") {
                return String(part.dropFirst(tag.utf8.count + kind.utf8.count + 2))
            }
        }
        return nil
    }

    /// What a program's file is on this host, whatever its name.
    private func identity(_ path: String) -> [UInt64]? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }
}
