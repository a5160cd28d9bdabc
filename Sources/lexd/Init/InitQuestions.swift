import Glibc
import LexAPI

/// The questions of `lexd init`, those of LXD 5.0 as far as they lead somewhere here.
struct InitQuestions {
    private let present: PresentServer
    private var preseed = Preseed()
    private var devices: [String: [String: String]] = [:]

    init(_ present: PresentServer) { self.present = present }

    /// Asks all of them; answers what is to be made.
    mutating func ask() throws -> Preseed {
        guard try !yesNo("Would you like to use clustering?", default: false) else {
            throw InitFailure("lexd cannot be part of a cluster yet; nothing was changed")
        }
        try askStorage()
        try askNetwork()
        if try yesNo("Would you like the server to be available over the network?", default: false) {
            Self.say("This version of lexd listens on its Unix socket only; it stays so.")
        }
        if try !yesNo("Would you like stale cached images to be updated automatically?", default: true) {
            preseed.config = ["images.auto_update_interval": "0"]
        }
        if !devices.isEmpty {
            preseed.profiles = [Preseed.Profile(devices: devices, name: LexAPI.Project.defaultName)]
        }
        if try yesNo("Would you like a YAML \"lexd init\" preseed to be printed?", default: false) {
            Self.say(PreseedText.yaml(preseed))
        }
        return preseed
    }

    private mutating func askStorage() throws {
        let known = Set(present.pools.compactMap { $0["name"]?.text })
        guard try yesNo("Do you want to configure a new storage pool?", default: known.isEmpty) else { return }
        let name = try text("Name of the new storage pool", default: known.contains("default") ? "" : "default") {
            name in
            if known.contains(name) { return "The storage pool \"\(name)\" exists already: choose another name." }
            do { try ObjectName.validate(name, what: "storage pool") } catch { return "\(error)" }
            return nil
        }
        let backends = present.backends
        var backend = backends.first ?? "overlay"
        if backends.count > 1 {
            backend = try text(
                "Name of the storage backend to use (\(backends.joined(separator: ", ")))", default: backend
            ) { backends.contains($0) ? nil : "There is no storage backend \"\($0)\" here." }
        }
        let source = try text("Directory the pool lies in (empty for lexd's own)", default: "", mayBeEmpty: true) {
            $0.isEmpty || $0.hasPrefix("/") ? nil : "Name it by its whole path, from the first slash on."
        }
        preseed.storagePools = [
            Preseed.Pool(config: source.isEmpty ? nil : ["source": source], name: name, driver: backend)
        ]
        devices["root"] = ["type": "disk", "path": "/", "pool": name]
    }

    private mutating func askNetwork() throws {
        let names = Set(present.networks.compactMap { $0["name"]?.text })
        guard
            try yesNo("Would you like to create a new local network bridge?", default: present.managedNetworks.isEmpty)
        else { return try askExisting(names) }
        let name = try text("What should the new bridge be called?", default: present.freeBridge) { name in
            if names.contains(name) { return "There is an interface \"\(name)\" already: choose another name." }
            do { try ObjectName.validateInterface(name) } catch { return "\(error)" }
            return nil
        }
        var config: [String: String] = [:]
        try askAddress("IPv4", "ipv4", &config) { Config<BridgeKeys>.reason("ipv4.address", $0) }
        try askAddress("IPv6", "ipv6", &config) { Config<BridgeKeys>.reason("ipv6.address", $0) }
        preseed.networks = [Preseed.Network(config: config, name: name, type: "bridge")]
        devices["eth0"] = ["type": "nic", "name": "eth0", "network": name]
    }

    private mutating func askAddress(
        _ family: String, _ key: String, _ config: inout [String: String], _ fault: (String) -> String?
    ) throws {
        let address = try text(
            "What \(family) address should be used? (CIDR subnet notation, “auto” or “none”)", default: "auto",
            check: fault)
        config["\(key).address"] = address
        guard address != "auto", address != "none" else { return }
        config["\(key).nat"] =
            try yesNo("Would you like lexd to NAT \(family) traffic on your bridge?", default: true) ? "true" : "false"
    }

    private mutating func askExisting(_ names: Set<String>) throws {
        guard
            try yesNo(
                "Would you like to configure lexd to use an existing bridge or host interface?", default: false)
        else { return }
        let name = try text("Name of the existing bridge or host interface", default: "") {
            names.contains($0) ? nil : "There is no interface \"\($0)\" on this host."
        }
        let network = present.networks.first { $0["name"]?.text == name }
        if network?["managed"] == true {
            devices["eth0"] = ["type": "nic", "name": "eth0", "network": name]
        } else {
            let kind = network?["type"]?.text == "bridge" ? "bridged" : "macvlan"
            devices["eth0"] = ["type": "nic", "name": "eth0", "nictype": kind, "parent": name]
        }
    }

    // MARK: asking

    private func yesNo(_ question: String, default standard: Bool) throws -> Bool {
        while true {
            let answer = try Self.answer("\(question) (yes/no) [default=\(standard ? "yes" : "no")]: ").lowercased()
            switch answer {
            case "": return standard
            case "yes", "y": return true
            case "no", "n": return false
            default: Self.say("Invalid input, try again.\n")
            }
        }
    }

    private func text(
        _ question: String, default standard: String, mayBeEmpty: Bool = false, check: (String) -> String?
    ) throws -> String {
        while true {
            let given = try Self.answer("\(question)\(standard.isEmpty ? "" : " [default=\(standard)]"): ")
            let answer = given.isEmpty ? standard : given
            guard !answer.isEmpty || mayBeEmpty else {
                Self.say("Invalid input, try again.\n")
                continue
            }
            guard let fault = check(answer) else { return answer }
            Self.say("\(fault)\n")
        }
    }

    private static func say(_ text: String) { print(text) }

    private static func answer(_ prompt: String) throws -> String {
        print(prompt, terminator: "")
        fflush(nil)
        guard let line = readLine() else {
            throw InitFailure("The answers ended before the questions did; nothing was changed")
        }
        let bare = line.drop(while: \.isWhitespace)
        return String(bare.reversed().drop(while: \.isWhitespace).reversed())
    }
}

extension Config {
    /// Why a value does not fit a key; nil when it does.
    fileprivate static func reason(_ name: String, _ value: String) -> String? {
        do {
            try validate(name, value)
            return nil
        } catch { return "\(error)" }
    }
}
