import CLexLinux
import FoundationEssentials
import Glibc
import LexAPI
import LexTestKit
import Testing

@testable import LexDaemon

/// A machine of two sockets, written down as its kernel would show it.
@Suite struct ResourcesTests {
    private static let files: [String: String] = [
        "/proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon 8\nflags\t: fpu hypervisor\n\n"
            + "processor\t: 1\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon 8\n",
        "/proc/meminfo": "MemTotal: 1000 kB\nMemFree: 300 kB\nBuffers: 50 kB\nCached: 50 kB\nHugePages_Total: 4\n"
            + "HugePages_Free: 1\nHugepagesize: 2048 kB\nBroken\nHuge: 99999999999999999999 kB\n",
        "/sys/devices/system/cpu/isolated": "1\n",
        "/sys/devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
        "/sys/devices/system/cpu/cpu0/topology/core_id": "0\n",
        "/sys/devices/system/cpu/cpu0/topology/die_id": "0\n",
        "/sys/devices/system/cpu/cpu0/cache/index0/level": "1\n",
        "/sys/devices/system/cpu/cpu0/cache/index0/type": "Data\n",
        "/sys/devices/system/cpu/cpu0/cache/index0/size": "48K\n",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "2100000\n",
        "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_min_freq": "800000\n",
        "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "3500000\n",
        "/sys/devices/system/cpu/cpu1/topology/physical_package_id": "0\n",
        "/sys/devices/system/cpu/cpu1/topology/core_id": "0\n",
        "/sys/devices/system/cpu/cpu1/topology/die_id": "0\n",
        "/sys/devices/system/cpu/cpu1/online": "1\n",
        "/sys/devices/system/cpu/cpu10/topology/physical_package_id": "1\n",
        "/sys/devices/system/cpu/cpu10/topology/core_id": "0\n",
        "/sys/devices/system/cpu/cpu10/topology/die_id": "-1\n",
        "/sys/devices/system/cpu/cpufreq/policy0/x": "1",
        "/sys/devices/system/node/node0/cpulist": "0-1\n", "/sys/devices/system/node/node1/cpulist": "10\n",
        "/sys/devices/system/node/node0/meminfo":
            "Node 0 MemTotal:  600 kB\nNode 0 MemUsed:  400 kB\nNode 0 HugePages_Total:  4\nNode 0 HugePages_Free: 1\n",
        "/sys/class/dmi/id/sys_vendor": "ACME \n", "/sys/class/dmi/id/product_uuid": "abc\n",
        "/sys/class/dmi/id/chassis_type": "23\n", "/sys/class/dmi/id/chassis_vendor": "ACME\n",
        "/sys/class/dmi/id/bios_vendor": "BIOS\n", "/sys/class/dmi/id/bios_date": "01/01/2026\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/vendor": "0x8086\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/device": "0x2922\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/numa_node": "-1\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/class": "0x010601\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/model": "SuperDisk   \n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/rev": "1.0\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/dev": "8:0\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/size": "2048\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/ro": "0\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/removable": "1\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/queue/rotational": "1\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/sda10/partition": "10\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/sda10/dev": "8:10\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/sda10/size": "8\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/sda2/partition": "2\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/sda2/dev": "8:2\n",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/sda2/size": "18446744073709551615\n",
        "/sys/class/block/loop0/dev": "7:0\n",
        "/sys/devices/pci0000:00/0000:02:00.0/vendor": "0x8086\n",
        "/sys/devices/pci0000:00/0000:02:00.0/device": "0x1572\n",
        "/sys/devices/pci0000:00/0000:02:00.0/class": "0x020000\n",
        "/sys/devices/pci0000:00/0000:02:00.0/sriov_totalvfs": "64\n",
        "/sys/devices/pci0000:00/0000:02:00.0/sriov_numvfs": "1\n",
        "/sys/devices/pci0000:00/0000:02:00.0/net/enp2/address": "3c:ec:ef:00:00:01\n",
        "/sys/devices/pci0000:00/0000:02:00.0/net/enp2/type": "1\n",
        "/sys/devices/pci0000:00/0000:02:00.0/net/enp2/carrier": "1\n",
        "/sys/devices/pci0000:00/0000:02:00.0/net/enp2/speed": "10000\n",
        "/sys/devices/pci0000:00/0000:02:00.0/net/enp2/duplex": "full\n",
        "/sys/devices/pci0000:00/0000:02:02.0/vendor": "0x8086\n",
        "/sys/devices/pci0000:00/0000:02:02.0/device": "0x154c\n",
        "/sys/devices/pci0000:00/0000:02:02.0/net/enp2v0/type": "1\n",
        "/sys/devices/pci0000:00/0000:02:02.0/net/enp2v0/speed": "-1\n",
        "/sys/class/net/lo/type": "772\n",
        "/usr/share/misc/pci.ids":
            "# a list\n8086  Intel Corporation\n\t1572  Ethernet X710\n\t\t8086 0001  Adapter\n154c\nC 01  Mass\n\t01  x\n",
        "/sys/devices/pci0000:00/usb1/1-1/idVendor": "0951\n",
        "/sys/devices/pci0000:00/usb1/1-1/idProduct": "1666\n",
        "/sys/devices/pci0000:00/usb1/1-1/busnum": "1\n", "/sys/devices/pci0000:00/usb1/1-1/devnum": "4\n",
        "/sys/devices/pci0000:00/usb1/1-1/product": "Stick\n", "/sys/devices/pci0000:00/usb1/1-1/speed": "480\n",
        "/sys/devices/pci0000:00/usb1/1-1/1-1:1.0/bInterfaceClass": "08\n",
        "/sys/devices/pci0000:00/usb1/1-1/1-1:1.0/bInterfaceSubClass": "06\n",
        "/sys/devices/pci0000:00/usb1/1-1/1-1:1.0/bInterfaceNumber": "00\n",
    ]
    private static let links: [String: String] = [
        "/sys/class/block/sda": "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda",
        "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0/block/sda/device":
            "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0/0:0:0:0",
        "/dev/disk/by-id/ata-SuperDisk": "/dev/sda",
        "/sys/class/net/enp2": "/sys/devices/pci0000:00/0000:02:00.0/net/enp2",
        "/sys/devices/pci0000:00/0000:02:00.0/net/enp2/device": "/sys/devices/pci0000:00/0000:02:00.0",
        "/sys/class/net/enp2v0": "/sys/devices/pci0000:00/0000:02:02.0/net/enp2v0",
        "/sys/devices/pci0000:00/0000:02:02.0/net/enp2v0/device": "/sys/devices/pci0000:00/0000:02:02.0",
        "/sys/devices/pci0000:00/0000:02:02.0/physfn": "/sys/devices/pci0000:00/0000:02:00.0",
        "/sys/devices/pci0000:00/0000:02:00.0/driver": "/sys/bus/pci/drivers/i40e",
        "/sys/bus/pci/devices/0000:00:1f.2": "/sys/devices/pci0000:00/0000:00:1f.2",
        "/sys/bus/pci/devices/0000:02:00.0": "/sys/devices/pci0000:00/0000:02:00.0",
        "/sys/bus/pci/devices/0000:02:02.0": "/sys/devices/pci0000:00/0000:02:02.0",
        "/sys/bus/usb/devices/1-1": "/sys/devices/pci0000:00/usb1/1-1",
        "/sys/bus/usb/devices/usb1": "/sys/devices/pci0000:00/usb1",
    ]

    private func withMachine(_ body: (HostResources) throws -> Void) async throws {
        try await withTemporaryDirectory { root in
            for (path, text) in Self.files {
                try Self.makeParents(of: root + path)
                try Data(text.utf8).write(to: URL(filePath: root + path))
            }
            for (path, target) in Self.links {
                try Self.makeParents(of: root + path)
                try #require(symlink(root + target, root + path) == 0, "\(path)")
            }
            try body(
                HostResources(tree: KernelTree(root: root), architecture: "x86_64", kernelRelease: "6.1.0"))
        }
    }

    private static func makeParents(of path: String) throws {
        var made = ""
        for part in path.split(separator: "/").dropLast() {
            made += "/\(part)"
            if mkdir(made, 0o755) != 0, errno != EEXIST { throw CocoaError(.fileWriteUnknown) }
        }
    }

    @Test func processors() async throws {
        try await withMachine { machine in
            let cpu = machine.cpu()
            #expect(cpu.total == 3 && cpu.sockets.count == 2)
            let first = try #require(cpu.sockets.first)
            #expect(first.name == "Xeon 8" && first.vendor == "GenuineIntel")
            #expect(first.cache == [.init(level: 1, type: "Data", size: 49152)])
            #expect(first.frequency == 2100 && first.frequencyMinimum == 800 && first.frequencyTurbo == 3500)
            #expect(first.cores.count == 1)
            #expect(first.cores.first?.threads.map(\.id) == [0, 1])
            #expect(first.cores.first?.threads.map(\.thread) == [0, 1])
            #expect(first.cores.first?.threads.map(\.isolated) == [false, true])
            let second = try #require(cpu.sockets.last)
            #expect(second.socket == 1 && second.cores.first?.threads.first?.numaNode == 1)
            #expect(second.cores.first?.die == 0 && second.frequency == nil)
        }
    }

    @Test func memory() async throws {
        try await withMachine { machine in
            let memory = machine.memory()
            #expect(memory.total == 1000 * 1024 && memory.used == 600 * 1024)
            #expect(memory.hugepagesSize == 2 << 20 && memory.hugepagesTotal == 8 << 20)
            #expect(memory.hugepagesUsed == 6 << 20)
            // The second node has no memory of its own to tell of.
            #expect(memory.nodes?.count == 1)
            #expect(memory.nodes?.first?.used == 400 * 1024 && memory.nodes?.first?.hugepagesUsed == 6 << 20)
        }
    }

    @Test func disks() async throws {
        try await withMachine { machine in
            let storage = machine.storage()
            #expect(storage.total == 1)
            let disk = try #require(storage.disks.first)
            #expect(disk.id == "sda" && disk.device == "8:0" && disk.model == "SuperDisk" && disk.type == "sata")
            #expect(disk.size == 1 << 20 && disk.removable && !disk.readOnly && disk.rpm == 1)
            #expect(disk.pciAddress == "0000:00:1f.2" && disk.deviceID == "ata-SuperDisk" && disk.numaNode == 0)
            #expect(disk.firmwareVersion == "1.0")
            #expect(disk.partitions.map(\.id) == ["sda2", "sda10"])
            // What cannot be is not believed.
            #expect(disk.partitions.map(\.size) == [0, 4096])
        }
    }

    @Test func networkCards() async throws {
        try await withMachine { machine in
            let network = machine.network()
            #expect(network.total == 2 && network.cards.count == 1)
            let card = try #require(network.cards.first)
            #expect(card.vendor == "Intel Corporation" && card.product == "Ethernet X710")
            #expect(card.vendorID == "8086" && card.productID == "1572" && card.pciAddress == "0000:02:00.0")
            #expect(card.driver == "i40e" && card.driverVersion == "6.1.0")
            let port = try #require(card.ports?.first)
            #expect(port.id == "enp2" && port.linkDetected && port.linkSpeed == 10000 && port.linkDuplex == "full")
            #expect(card.sriov?.currentVFs == 1 && card.sriov?.maximumVFs == 64)
            #expect(card.sriov?.vfs.first?.ports?.first?.id == "enp2v0")
            #expect(card.sriov?.vfs.first?.ports?.first?.linkSpeed == nil)
        }
    }

    @Test func busesAndSystem() async throws {
        try await withMachine { machine in
            #expect(machine.gpu().cards.isEmpty)
            let all = machine.all()
            #expect(all.pci.devices.map(\.pciAddress) == ["0000:00:1f.2", "0000:02:00.0", "0000:02:02.0"])
            #expect(all.usb.devices.count == 1)
            let stick = try #require(all.usb.devices.first)
            #expect(stick.busAddress == 1 && stick.deviceAddress == 4 && stick.product == "Stick" && stick.speed == 480)
            #expect(stick.interfaces.first?.class == "Mass Storage" && stick.interfaces.first?.subclassID == 6)
            #expect(all.system.vendor == "ACME" && all.system.type == "virtual-machine")
            #expect(all.system.chassis?.type == "Rack Mount Chassis" && all.system.motherboard == nil)
            #expect(all.system.firmware == .init(vendor: "BIOS", date: "01/01/2026", version: ""))
        }
    }

    /// Nothing is there, and nothing fails.
    @Test func aMachineThatSaysNothing() async throws {
        try await withTemporaryDirectory { root in
            let machine = HostResources(tree: KernelTree(root: root), architecture: "x86_64", kernelRelease: "6.1.0")
            let all = machine.all()
            #expect(all.cpu.total == 0 && all.memory.total == 0 && all.storage.total == 0 && all.system.firmware == nil)
            let json = String(decoding: try JSONCoding.encode(all), as: UTF8.self)
            #expect(json.contains(#""firmware":null"#) && json.contains(#""sockets":[]"#))
        }
    }

    @Test func thisMachine() throws {
        let all = HostResources(tree: KernelTree(), architecture: "x86_64", kernelRelease: "1").all()
        #expect(all.cpu.total > 0 && !all.cpu.sockets.isEmpty)
        #expect(all.memory.total > all.memory.used && all.memory.used > 0)
    }

    @Test func vitalProductDataIsReadAsFarAsItIsWhole() {
        let name = Array("Card".utf8)
        let good: [UInt8] =
            [0x82, 4, 0] + name + [0x90, 12, 0] + Array("PN".utf8) + [3] + Array("A12".utf8) + Array("RV".utf8) + [
                3, 1, 2, 3,
            ]
            + [0x78]
        let vpd = VitalProductData.read(good)
        #expect(vpd == Resources.PCI.VPD(productName: "Card", entries: ["PN": "A12"]))
        for length in 0..<good.count { _ = VitalProductData.read(Array(good[..<length])) }
        #expect(VitalProductData.read([0x82, 255, 255, 65]) == Resources.PCI.VPD())
        #expect(VitalProductData.read([0x90, 3, 0, 65, 66, 200]) == Resources.PCI.VPD())
    }

    @Test func whatADriverSaysOfAPlug() throws {
        var settings = lex_port_settings()
        settings.has_settings = 1
        settings.supported = 1 << 5 | 1 << 7 | 1 << 6
        settings.autonegotiation = 1
        settings.transceiver = 7
        withUnsafeMutableBytes(of: &settings.firmware) { $0.copyBytes(from: "1.2 \u{7}".utf8) }
        let read = PortSettings(settings)
        #expect(read.modes == ["1000baseT/Full"] && read.ports == ["twisted pair"] && read.port == "twisted pair")
        #expect(read.isNegotiated && read.transceiver == nil && read.firmware == "1.2 ")
        let absent = PortSettings("lexd-no-such-interface")
        #expect(absent?.port == nil)
        #expect(PortSettings("lo")?.port == nil)
    }

    @Test func numbersInNamesCount() {
        #expect(["sda10", "sda2", "sda"].sorted(by: KernelTree.isBefore) == ["sda", "sda2", "sda10"])
        #expect(HostResources.pciAddress(in: "/sys/devices/pci0000:00/0000:00:03.0/virtio2") == "0000:00:03.0")
        #expect(HostResources.pciAddress(in: "/sys/devices/virtual/net/lo") == nil)
    }
}
