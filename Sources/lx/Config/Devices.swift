/// The devices of an instance or a profile, and the changes that commands make to them.
struct Devices: Equatable {
    /// By name.
    var own: [String: [String: String]]
    /// What the profiles of an instance give it; empty for a profile.
    var inherited: [String: [String: String]] = [:]

    /// Adds a device; the words are KEY=VALUE.
    mutating func add(_ name: String, type: String, _ words: [String]) throws {
        guard own[name] == nil else { throw Failure("Cannot add the device \"\(name)\": there is one already") }
        own[name] = try KeyValues.assignments(words).merging(["type": type]) { $1 }
    }

    mutating func remove(_ names: [String]) throws {
        for name in names { _ = try device(name, "remove") }
        for name in names { own[name] = nil }
    }

    mutating func set(_ name: String, _ changes: [String: String]) throws {
        own[name] = try device(name, "change").merging(changes) { $1 }
    }

    mutating func unset(_ name: String, _ key: String) throws {
        var device = try device(name, "change")
        device[key] = nil
        own[name] = device
    }

    func get(_ name: String, _ key: String) throws -> String { try device(name, "show")[key] ?? "" }

    /// Copies a device from the profiles, to change it for this instance only.
    mutating func override(_ name: String, _ words: [String]) throws {
        guard own[name] == nil else {
            throw Failure("Cannot override the device \"\(name)\": the instance has its own of that name already")
        }
        guard let device = inherited[name] else {
            throw Failure("Cannot override the device \"\(name)\": there is none in the profiles of the instance")
        }
        own[name] = device.merging(try KeyValues.assignments(words)) { $1 }
    }

    private func device(_ name: String, _ verb: String) throws -> [String: String] {
        if let device = own[name] { return device }
        guard inherited[name] == nil else {
            throw Failure(
                "Cannot \(verb) the device \"\(name)\" here: it comes from a profile. Change the profile, or copy the"
                    + " device first: lx config device override INSTANCE \(name)")
        }
        throw Failure("Cannot \(verb) the device \"\(name)\": there is none")
    }
}
