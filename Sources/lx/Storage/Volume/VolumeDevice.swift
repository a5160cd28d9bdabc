/// The device that gives an instance or a profile a custom volume.
struct VolumeDevice: Equatable {
    let name: String
    let options: [String: String]

    /// - Parameter words: A path, or the name of the device and a path; the device is else called after the volume.
    init(_ volume: String, pool: String, _ words: [String]) throws {
        guard words.count <= 2 else {
            throw Failure("There is no place for \"\(words[2])\": say at most a device and a path")
        }
        var options = ["type": "disk", "pool": pool, "source": volume]
        name = words.count == 2 ? words[0] : volume
        options["path"] = words.last
        self.options = options
    }

    func add(to devices: inout Devices) throws {
        guard devices.own[name] == nil else {
            throw Failure("Cannot attach the volume: there is a device \"\(name)\" already; name another one")
        }
        devices.own[name] = options
    }

    /// Removes the device of a volume; the one of that name when there are several.
    static func remove(
        _ volume: String, pool: String, named name: String, from devices: inout Devices
    ) throws {
        let found = devices.own.filter {
            $0.value["type"] == "disk" && $0.value["pool"] == pool && $0.value["source"] == volume
                && (name.isEmpty || $0.key == name)
        }
        guard let device = found.keys.first else {
            throw Failure("No device found for this storage volume")
        }
        guard found.count == 1 else {
            throw Failure("More than one device matches; name it: \(found.keys.sorted().joined(separator: ", "))")
        }
        devices.own[device] = nil
    }
}
