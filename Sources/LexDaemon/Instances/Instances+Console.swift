import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import Logging
import NIOCore

extension Instances {
    /// Lets somebody sit at the console of an instance that runs.
    ///
    /// Any number may: all of them see what it says, and what all of them type goes to it, as with several keyboards
    /// at one machine.
    func console(
        _ record: InstanceRecord, _ wish: Instance.Console, requestor: Event.Requestor
    ) throws -> LexAPI.Operation {
        switch wish.type {
        case "", "console": break
        case "vga":
            throw APIError.badRequest("VGA console is only supported by virtual machines")
        default: throw APIError.badRequest("Unknown console type \"\(wish.type.prefix(64))\"")
        }
        let instance = liveInstance(record.key)
        _ = try instance.wish(.exec)
        guard let run = instance.run else { throw APIError.badRequest("Instance is not running") }
        let consoles = host.consoles
        let key = record.key
        let session = ConsoleSession { size in
            guard (1...0xffff).contains(size.columns), (1...0xffff).contains(size.rows) else { return }
            // A console that has just ended has no size.
            try? await consoles.resize(key, columns: UInt32(size.columns), rows: UInt32(size.rows))
        }
        var plan = OperationPlan(
            description: "Showing console", project: record.project,
            resources: Self.resources(record.name, legacy: true))
        plan.metadata = ["fds": session.sockets.descriptors]
        plan.socket = (isSecret: { session.sockets.isSecret($0) }, serve: { try await session.serve($0, $1) })
        lifecycle("instance-console", record, context: ["type": "console"], requestor: requestor)
        return operations.start(plan) { _ in
            defer { session.finish() }
            await session.waitForConnection(orEnd: run.ended)
            if run.ended.isOpen { return }
            let line = try ExecStream(taking: try await consoles.attach(key, alone: wish.force))
            if wish.width > 0, wish.height > 0 {
                try? await consoles.resize(
                    key, columns: UInt32(clamping: wish.width), rows: UInt32(clamping: wish.height))
            }
            try await session.run(line)
        }
    }

    /// What an instance has said on its console lately: as it runs from its holder, else from the file its last run
    /// left.
    func consoleLog(_ record: InstanceRecord, requestor: Event.Requestor) async throws -> Answer {
        let answer: Answer
        if liveInstance(record.key).run != nil {
            answer = FileAnswer.make(try await host.consoles.log(record.key), filename: "console.log")
        } else {
            answer = try await FileAnswer.make(host.paths(of: record.key).consoleLog, filename: "console.log")
        }
        lifecycle("instance-console-retrieved", record, requestor: requestor)
        return answer
    }

    /// Forgets what an instance has said on its console.
    func clearConsoleLog(_ record: InstanceRecord, requestor: Event.Requestor) async throws {
        if liveInstance(record.key).run != nil {
            try await host.consoles.clear(record.key)
        } else {
            let path = host.paths(of: record.key).consoleLog
            try await blocking {
                do {
                    _ = try OwnedDescriptor.open(path, O_WRONLY | O_TRUNC | O_NOFOLLOW)
                } catch let error as SystemError where error.code == ENOENT {
                    throw APIError.notFound("There is no console log: the instance has not run yet")
                }
            }
        }
        lifecycle("instance-console-reset", record, requestor: requestor)
    }

    /// Gives up the console of a run that is over; what it said stays in a file beside the other logs.
    func closeConsole(_ key: String) async {
        let path = host.paths(of: key).consoleLog
        do {
            let said = try await host.consoles.log(key)
            if !said.isEmpty { try await blocking { try replaceFile(path, said) } }
        } catch {
            logger.warning(
                "cannot keep what an instance said on its console",
                metadata: ["instance": "\(key)", "error": "\(error)"])
        }
        try? await host.consoles.close(key)
    }
}
