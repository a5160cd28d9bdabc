import LexAPI

extension HostResources {
    /// The machine itself, as its firmware tells it (DMI); ARM machines tell their model elsewhere.
    func system() -> Resources.System {
        let base = "/sys/class/dmi/id"
        func field(_ name: String) -> String { tree.text("\(base)/\(name)") ?? "" }
        var system = Resources.System()
        system.uuid = field("product_uuid")
        system.vendor = field("sys_vendor")
        system.product = tree.text("\(base)/product_name") ?? model ?? ""
        system.family = field("product_family")
        system.version = field("product_version")
        system.sku = field("product_sku")
        system.serial = field("product_serial")
        system.type = kind
        let firmware = Resources.System.Firmware(
            vendor: field("bios_vendor"), date: field("bios_date"), version: field("bios_version"))
        if firmware != .init(vendor: "", date: "", version: "") { system.firmware = firmware }
        let chassis = Resources.System.Chassis(
            vendor: field("chassis_vendor"), type: chassisType(field("chassis_type")), serial: field("chassis_serial"),
            version: field("chassis_version"))
        if chassis != .init(vendor: "", type: "", serial: "", version: "") { system.chassis = chassis }
        let board = Resources.System.Motherboard(
            vendor: field("board_vendor"), product: field("board_name"), serial: field("board_serial"),
            version: field("board_version"))
        if board != .init(vendor: "", product: "", serial: "", version: "") { system.motherboard = board }
        return system
    }

    /// What a machine without DMI says of itself (device tree).
    private var model: String? { tree.text("/sys/firmware/devicetree/base/model")?.filter { $0 != "\0" } }

    private var kind: String {
        // systemd writes what it found; the variable is what every container manager sets for init.
        let environment = tree.bytes("/proc/1/environ", limit: 1 << 20) ?? []
        let isContainer = environment.split(separator: 0).contains { $0.starts(with: "container=".utf8) }
        let marks = ["/run/systemd/container", "/run/.containerenv", "/.dockerenv"]
        if isContainer || marks.contains(where: { tree.isThere($0) }) { return "container" }
        let flags = (tree.text("/proc/cpuinfo", limit: 8 << 20) ?? "").split(separator: "\n")
            .first { $0.hasPrefix("flags") }
        let isVirtual = flags?.split(separator: " ").contains("hypervisor") ?? false
        return isVirtual || tree.isThere("/sys/hypervisor/type") ? "virtual-machine" : "physical"
    }

    /// The names of cases by their numbers (DSP0134, System Management BIOS, 7.4.1).
    private func chassisType(_ number: String) -> String {
        let types = [
            "", "Other", "Unknown", "Desktop", "Low Profile Desktop", "Pizza Box", "Mini Tower", "Tower", "Portable",
            "Laptop", "Notebook", "Hand Held", "Docking Station", "All in One", "Sub Notebook", "Space-saving",
            "Lunch Box", "Main Server Chassis", "Expansion Chassis", "SubChassis", "Bus Expansion Chassis",
            "Peripheral Chassis", "RAID Chassis", "Rack Mount Chassis", "Sealed-case PC", "Multi-system chassis",
            "Compact PCI", "Advanced TCA", "Blade", "Blade Enclosure", "Tablet", "Convertible", "Detachable",
            "IoT Gateway", "Embedded PC", "Mini PC", "Stick PC",
        ]
        guard let index = Int(number), types.indices.contains(index) else { return number.isEmpty ? "" : "Unknown" }
        return types[index]
    }
}
