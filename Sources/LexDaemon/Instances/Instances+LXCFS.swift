import LexHost
import LexIPC
import LexInstance
import Logging

extension Instances {
    /// What was last seen of lxcfs.
    private struct LXCFSSight: Equatable {
        /// The device of its mount; nil when there is none.
        var device: String?
        /// Whether it answered.
        var isAlive: Bool
    }

    /// Looks after lxcfs until the task is cancelled. One that goes leaves mounts in the instances where nothing can be
    /// read any more: they are taken away, so that the kernel's own files are seen there, and those of the next one come
    /// in their place.
    func followLXCFS() async {
        var seen: LXCFSSight?
        while true {
            do { try await Task.sleep(for: .seconds(5)) } catch { return }
            guard runningCount > 0 else {
                // Whoever is started next gets what there is then.
                seen = nil
                continue
            }
            do {
                let now = try await lookAtLXCFS()
                defer { seen = now }
                if now != seen { await bringLXCFS(now) }
            } catch {
                logger.warning("cannot look at lxcfs", metadata: ["error": "\(error)"])
            }
        }
    }

    private func lookAtLXCFS() async throws -> LXCFSSight {
        let directory = host.lxcfs
        let device = try await blocking {
            LXCFSMounts(try readFile("/proc/self/mountinfo", limit: 16 << 20)).devices[directory]
        }
        guard let device else { return LXCFSSight(device: nil, isAlive: false) }
        return LXCFSSight(device: device, isAlive: try await host.runtime.isLXCFSAlive(directory))
    }

    /// Brings it to those instances that have another one, or one that has gone.
    private func bringLXCFS(_ now: LXCFSSight) async {
        let wanted = now.isAlive ? now.device : nil
        for key in activeKeys.sorted() {
            guard let run = liveInstance(key).run else { continue }
            do {
                let path = "/proc/\(run.process.initProcess)/mountinfo"
                let present = try await blocking { LXCFSMounts(try readFile(path, limit: 16 << 20)).devices }
                guard present["/proc/meminfo"] != wanted else { continue }
                try await host.runtime.bringLXCFS(host.lxcfs, to: run.process)
            } catch {
                guard !run.process.hasEnded else { continue }
                logger.warning(
                    "cannot bring lxcfs to an instance", metadata: ["instance": "\(key)", "error": "\(error)"])
            }
        }
    }
}
