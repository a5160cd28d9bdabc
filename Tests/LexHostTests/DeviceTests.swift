import Glibc
import LexTestKit
import Testing

@testable import LexHost

@Suite struct HostDeviceTests {
    @Test func readsEvents() throws {
        func event(_ text: String) -> Uevent? { Uevent(Array(text.utf8)) }
        let added = try #require(
            event(
                "add@/devices/pci/usb1/1-1\u{0}ACTION=add\u{0}SUBSYSTEM=usb\u{0}DEVNAME=bus/usb/001/002\u{0}A=b=c\u{0}")
        )
        #expect(added.action == "add" && added.isOfADevice && added.properties["A"] == "b=c")
        #expect(event("change@/module/x\u{0}SUBSYSTEM=module\u{0}")?.isOfADevice == false)
        #expect(event("move@/devices/x\u{0}DEVNAME=x\u{0}")?.isOfADevice == false)
        let cpu = event("offline@/devices/system/cpu/cpu1\u{0}ACTION=offline\u{0}SUBSYSTEM=cpu\u{0}")
        #expect(cpu?.isOfACPU == true && cpu?.isOfADevice == false)
        #expect(event("change@/devices/system/cpu/cpu1\u{0}SUBSYSTEM=cpu\u{0}")?.isOfACPU == false)
        for bad in ["", "\u{0}", "libudev\u{0}\u{1}\u{2}", "@/x", "add"] { #expect(event(bad) == nil, "\(bad)") }
        var random = SeededGenerator("uevents")
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0...255, using: &random) : [0, 61, 64].randomElement(using: &random) ?? 0
            }
            _ = Uevent(bytes)
        }
    }

    @Test func disksBelowPaths() throws {
        #expect(try BlockDevices.kind(of: "/proc/self") == .directory)
        #expect(try BlockDevices.kind(of: "/dev/null") == .character)
        #expect(try BlockDevices.kind(of: "/proc/version") == .file)
        #expect(try BlockDevices.kind(of: "/nonexistent/x") == nil)
        #expect(try BlockDevices.under("/proc").isEmpty)
        for disk in try BlockDevices.under("/") {
            #expect(
                access("/sys/dev/block/\(disk)", F_OK) == 0 && access("/sys/dev/block/\(disk)/partition", F_OK) != 0)
        }
        #expect(
            try HostDevices.node(at: "/dev/null") == HostDevice(path: "/dev/null", isBlock: false, major: 1, minor: 3))
        #expect(try HostDevices.node(at: "/dev") == nil && HostDevices.node(at: "/dev/none") == nil)
    }

    /// No machine of ours has such hardware: its part of sysfs, as the kernel shows it.
    @Test func findsHardware() async throws {
        try await withTemporaryDirectory { sys in
            func file(_ path: String, _ text: String) throws {
                try makeDirectories("\(sys)/" + path.split(separator: "/").dropLast().joined(separator: "/"))
                try replaceFile("\(sys)/\(path)", Array((text + "\n").utf8))
            }
            func link(_ path: String, _ target: String) throws {
                try makeDirectories("\(sys)/" + path.split(separator: "/").dropLast().joined(separator: "/"))
                #expect(symlink("\(sys)/\(target)", "\(sys)/\(path)") == 0)
            }
            let stick = "devices/pci0/usb1/1-1"
            for (name, value) in [
                ("idVendor", "046d"), ("idProduct", "c077"), ("busnum", "1"), ("devnum", "12"), ("dev", "189:11"),
                ("uevent", "DEVNAME=bus/usb/001/012"),
            ] { try file("\(stick)/\(name)", value) }
            try link("bus/usb/devices/1-1", stick)
            try makeDirectories("\(sys)/bus/usb/devices/1-1:1.0")
            try file("\(stick)/1-1:1.0/tty/ttyUSB0/dev", "188:0")
            try file("\(stick)/1-1:1.0/tty/ttyUSB0/uevent", "MAJOR=188\nDEVNAME=ttyUSB0")
            try link("dev/char/188:0", "\(stick)/1-1:1.0/tty/ttyUSB0")
            try link("dev/char/189:11", stick)
            try file("devices/virtual/mem/null/dev", "1:3")
            try file("devices/virtual/mem/null/uevent", "DEVNAME=null")
            try link("dev/char/1:3", "devices/virtual/mem/null")
            let card = "devices/pci0/0000:01:00.0"
            try file("\(card)/vendor", "0x1002")
            try file("\(card)/device", "0x73bf")
            try file("\(card)/drm/card0/dev", "226:0")
            try file("\(card)/drm/renderD128/dev", "226:128")
            try link("class/drm/card0/device", card)
            try makeDirectories("\(sys)/class/drm/card0-HDMI-A-1")

            let devices = HostDevices(sys: sys)
            let usb = HostDevice(path: "/dev/bus/usb/001/012", isBlock: false, major: 189, minor: 11)
            #expect(devices.usb(vendor: 0x046d, product: 0xc077) == [usb])
            #expect(devices.usb(vendor: nil, product: nil) == [usb])
            #expect(devices.usb(vendor: 0x046e, product: nil).isEmpty)
            let tty = HostDevice(path: "/dev/ttyUSB0", isBlock: false, major: 188, minor: 0)
            #expect(devices.belonging(vendor: 0x046d, product: nil) == [tty])
            #expect(devices.belonging(vendor: nil, product: 0xc078).isEmpty)
            let nodes = [
                HostDevice(path: "/dev/dri/card0", isBlock: false, major: 226, minor: 0),
                HostDevice(path: "/dev/dri/renderD128", isBlock: false, major: 226, minor: 128),
            ]
            #expect(devices.gpus(.init()) == nodes && devices.gpus(.init(card: 0)) == nodes)
            #expect(devices.gpus(.init(pci: "0000:01:00.0")) == nodes)
            #expect(devices.gpus(.init(vendor: 0x1002, product: 0x73bf)) == nodes)
            for other in [HostDevices.GPU(card: 1), .init(pci: "0000:02:00.0"), .init(vendor: 0x10de)] {
                #expect(devices.gpus(other).isEmpty)
            }
        }
    }
}
