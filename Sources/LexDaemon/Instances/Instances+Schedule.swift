import LexAPI
import LexStore
import Logging

extension Instances {
    /// Makes the snapshots of the schedules and deletes those whose time is over, until the task is cancelled.
    func keepSnapshots() async {
        await SnapshotRules.everyMinute { minutes in
            do {
                try await deleteExpiredSnapshots()
                try await takeScheduled(minutes.map { CalendarTime(local: $0) })
            } catch {
                logger.error("cannot look after the snapshots of instances", metadata: ["error": "\(error)"])
            }
        }
    }

    private func deleteExpiredSnapshots() async throws {
        let now = Timestamp.now
        for stored in try await records.list() {
            for snapshot in stored.value.snapshots
            where snapshot.isFinished && SnapshotRules.isOver(snapshot.expiresAt, at: now) {
                if isShuttingDown { return }
                do {
                    try await deleteSnapshot(of: stored.value.key, snapshot.name, requestor: nil)
                } catch {
                    logger.error(
                        "cannot delete an expired snapshot",
                        metadata: [
                            "instance": "\(stored.value.key)", "snapshot": "\(snapshot.name)", "error": "\(error)",
                        ])
                }
            }
        }
    }

    /// Begins the snapshots that are due in these minutes.
    private func takeScheduled(_ minutes: [CalendarTime]) async throws {
        for stored in try await records.list() {
            let record = stored.value
            let config = Config<InstanceKeys>(
                Expansion(try await presentProfiles(of: record), config: record.config, devices: [:]).config)
            guard let schedule = try? config[\.snapshots.schedule],
                minutes.contains(where: { schedule.isDue(at: $0, seed: SnapshotRules.seed(record.key)) }),
                liveInstance(record.key).run != nil || (try? config[\.snapshots.scheduleStopped]) == true
            else { continue }
            if isShuttingDown { return }
            // An operation, which lexd's end waits for.
            _ = operations.start(
                OperationPlan(
                    description: "Snapshotting instance", project: record.project,
                    resources: Self.resources(record.name, legacy: true))
            ) { _ in
                do {
                    try await self.makeSnapshot(of: record.key, name: "", expiresAt: nil, requestor: nil)
                } catch {
                    await self.warnings.record(
                        .scheduledSnapshotFailure, ErrorAnswers.apiError(error).message, entity: record.url,
                        project: record.project)
                    throw error
                }
                await self.warnings.resolve(
                    .scheduledSnapshotFailure, entity: record.url, project: record.project)
            }
        }
    }
}
