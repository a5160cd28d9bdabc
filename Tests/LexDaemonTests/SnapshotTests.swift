import FoundationEssentials
import Glibc
import LexAPI
import LexIPC
import Testing

@testable import LexDaemon

@Suite struct SnapshotTests {
    private func record(_ count: Int) -> InstanceRecord {
        var record = InstanceRecord(
            project: "default", name: "web", architecture: "x86_64", description: "", ephemeral: false,
            profiles: ["default"], config: ["user.data": String(repeating: "x", count: 10_000)], devices: [:],
            createdAt: .now, lastUsedAt: .epoch, pool: "default", image: nil)
        record.snapshots = (0..<count).map { number in
            var snapshot = InstanceSnapshotRecord(
                of: record, name: "s\(number)", expiresAt: number.isMultiple(of: 2) ? .now : nil)
            snapshot.isFinished = number > 0
            if number == 1 { snapshot.contents.config = ["user.other": "y"] }
            return snapshot
        }
        return record
    }

    @Test func whatManySnapshotsHaveTheSameIsWrittenOnce() throws {
        let record = record(500)
        let bytes = try JSONCoding.encode(record)
        #expect(bytes.count < 200_000)
        let read = try JSONDecoder().decode(InstanceRecord.self, from: bytes)
        #expect(read == record && read.snapshots.count == 500)
        #expect(read.snapshots[1].contents.config == ["user.other": "y"])
        #expect(read.snapshot("s1") != nil && read.snapshot("s0") == nil, "one that is not finished is none")
    }

    @Test func aRecordOfBeforeHasNoSnapshots() throws {
        var record = record(0)
        record.snapshots = []
        let text = String(decoding: try JSONCoding.encode(record), as: UTF8.self)
        #expect(!text.contains("snapshot"))
        #expect(try JSONDecoder().decode(InstanceRecord.self, from: Data(text.utf8)) == record)
    }

    @Test func aSnapshotWithoutItsContentsIsAnError() {
        let text = """
            {"items":[{"name":"s","createdAt":"2026-01-01T00:00:00Z","lastUsedAt":"2026-01-01T00:00:00Z",\
            "isFinished":true,"contents":1}],"contents":[]}
            """
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(InstanceSnapshotList.self, from: Data(text.utf8))
        }
    }

    @Test func whatWasCutShortIsSeen() {
        var record = record(2)
        #expect(record.hasUnsettledSnapshots, "the first is not finished")
        record.snapshots[0].isFinished = true
        #expect(!record.hasUnsettledSnapshots)
        record.snapshots[1].movesTo = "other"
        #expect(record.hasUnsettledSnapshots)
        record.snapshots[1].movesTo = nil
        record.restoresFrom = "s1"
        #expect(record.hasUnsettledSnapshots)
    }

    @Test func whenARestoreThatFailedIsTakenBack() {
        #expect(Instances.leavesRoot(CancellationError()))
        #expect(Instances.leavesRoot(SystemError("copy", "/a", code: ENOSPC)))
        #expect(!Instances.leavesRoot(SystemError("rename", "/a", code: ENOSPC)), "it may have its new root")
        #expect(!Instances.leavesRoot(SystemError("copy", "/a", code: EIO)))
    }

    @Test func whatIsRestoredOfTheConfiguration() {
        let present = [
            "user.new": "1", "limits.cpu": "2", "volatile.uuid": "u", "volatile.idmap.base": "7",
            "volatile.eth0.hwaddr": "now", "volatile.eth1.hwaddr": "eth1", "volatile.last_state.power": "STOPPED",
        ]
        let past = [
            "limits.cpu": "1", "volatile.uuid": "old", "volatile.idmap.base": "5", "volatile.eth0.hwaddr": "then",
            "volatile.eth0.host_name": "veth", "volatile.apply_template": "create",
            "volatile.last_state.power": "RUNNING",
        ]
        #expect(
            Instances.restoredConfig(from: present, to: past) == [
                "limits.cpu": "1", "volatile.uuid": "u", "volatile.idmap.base": "7", "volatile.eth0.hwaddr": "then",
                "volatile.eth1.hwaddr": "eth1", "volatile.apply_template": "create",
                "volatile.last_state.power": "STOPPED",
            ])
        #expect(
            Instances.restoredConfig(from: ["volatile.apply_template": "copy"], to: [:]).isEmpty,
            "what was done before the snapshot is not done again")
    }

    @Test func whenSnapshotsGo() throws {
        let moment = try #require(Timestamp("2026-01-01T00:00:00Z"))
        let age = SnapshotAge(configText: "1d")
        #expect(SnapshotRules.expiry(nil, age: nil, from: moment) == nil)
        #expect(SnapshotRules.expiry(nil, age: age, from: moment)?.text == "2026-01-02T00:00:00Z")
        #expect(SnapshotRules.expiry(.never, age: age, from: moment) == nil)
        #expect(SnapshotRules.expiry(.epoch, age: age, from: moment) == nil)
        #expect(SnapshotRules.expiry(moment, age: age, from: moment) == moment)
        #expect(SnapshotRules.isOver(moment, at: moment) && !SnapshotRules.isOver(nil, at: moment))
        #expect(!SnapshotRules.isOver(Timestamp(seconds: moment.seconds + 1), at: moment))
    }
}
