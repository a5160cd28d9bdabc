import LexAPI
import LexIPC
import Testing

@testable import LexInstance

@Suite struct DiskRateTests {
    @Test func optionsOfADisk() {
        let rates = DiskRates(read: .bytes(1000), write: .operations(5), max: nil)
        #expect(rates == DiskRates(readBytes: 1000, writeOperations: 5))
        #expect(
            DiskRates(read: .bytes(1000), write: nil, max: .operations(7))
                == DiskRates(readOperations: 7, writeOperations: 7))
        #expect(DiskRates(read: .bytes(0), write: .operations(0), max: nil).isEmpty)
    }

    @Test func severalDisksOnOneDevice() {
        let mean = DiskRates.mean([
            DiskRates(readBytes: 100), DiskRates(readBytes: 300, writeBytes: 8), DiskRates(readOperations: .max),
            DiskRates(readOperations: .max),
        ])
        #expect(mean == DiskRates(readBytes: 200, readOperations: .max - 1, writeBytes: 8))
        #expect(DiskRates.mean([]).isEmpty)
    }

    @Test func aLimitIsWrittenAndTakenBack() {
        let limit = LiveLimits.throttle("8:0", DiskRates(readBytes: 5, writeOperations: 6))
        #expect(
            limit.writes(unified: false).map { "\($0.file)=\($0.value)" } == [
                "blkio.throttle.read_bps_device=8:0 5", "blkio.throttle.read_iops_device=8:0 0",
                "blkio.throttle.write_bps_device=8:0 0", "blkio.throttle.write_iops_device=8:0 6",
            ])
        #expect(limit.writes(unified: true).map(\.value) == ["8:0 rbps=5 wbps=max riops=max wiops=6"])
        let other = LiveLimits.throttle("8:16", DiskRates(readBytes: 1))
        #expect(LiveLimit.changes(from: [limit], to: [limit]).isEmpty)
        let changes = LiveLimit.changes(from: [limit, other], to: [other])
        #expect(changes == [LiveLimits.throttle("8:0", DiskRates())] && changes.allSatisfy { !$0.isSet })
        #expect(LiveLimit.changes(from: [], to: [limit]) == [limit])
        // A limit that every instance has is known also when it is not set.
        let weight = LiveLimits.weighDisks(3)
        #expect(LiveLimit.changes(from: [weight], to: [LiveLimits.weighDisks(nil)]) == [LiveLimits.weighDisks(nil)])
        #expect(weight.writes(unified: false).first?.value == "300")
        #expect(LiveLimits.weighDisks(0).writes(unified: true).first?.value == "10")
    }

    @Test func devicesAreMountedInOrder() {
        func disk(_ path: String) -> InstanceDisk { InstanceDisk(source: "/s", path: path, isMapped: false) }
        let devices = InstanceDevices(disks: ["a": disk("/srv/x"), "b": disk("/srv"), "c": disk("/srv/x/y")])
        #expect(devices.disksInOrder.map(\.disk.path) == ["/srv", "/srv/x", "/srv/x/y"])
        let held = HeldDevices(
            disks: devices.disks.mapValues { HeldDisk(disk: $0, identity: .unknown) }, nodes: [:])
        #expect(held.asWanted == devices)
    }
}
