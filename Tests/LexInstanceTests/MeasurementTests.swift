import LexTestKit
import Testing

@testable import LexHost
@testable import LexInstance

@Suite struct MeasurementTests {
    @Test func ioStat() {
        let disks = InstanceMeasurements.disks(
            unified: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n254:0 rbytes=x\n\n8:16\n")
        #expect(disks["8:0"] == .init(readBytes: 1, writtenBytes: 2, reads: 3, writes: 4))
        #expect(disks["254:0"] == .init() && disks["8:16"] == .init() && disks.count == 3)
    }

    @Test func throttleFiles() {
        let disks = InstanceMeasurements.disks(
            bytes: "8:0 Read 10\n8:0 Write 20\n8:0 Sync 5\nTotal 30\n", operations: "8:0 Read 1\n8:0 Write 2\n")
        #expect(disks == ["8:0": .init(readBytes: 10, writtenBytes: 20, reads: 1, writes: 2)])
    }

    @Test func oldWordsAndNewOnes() {
        let stat = InstanceMeasurements.fields("total_rss 5\ntotal_cache 6\nrss 1\nbroken\ntotal_shmem -1\n")
        #expect(InstanceMeasurements.inUnifiedWords(stat) == ["anon": 5, "file": 6])
    }

    @Test func aGroupThatIsGone() throws {
        let measured = InstanceMeasurements.read("lexd-no-such-group", try CgroupLayout.detect())
        #expect(measured.cpus.isEmpty && measured.disks.isEmpty && measured.processes == nil)
    }
}
