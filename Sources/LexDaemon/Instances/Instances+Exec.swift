import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance

extension Instances {
    /// Checks a wish for a command and begins to run it.
    func exec(
        _ record: InstanceRecord, _ wish: Instance.Exec, requestor: Event.Requestor
    ) async throws -> LexAPI.Operation {
        let instance = liveInstance(record.key)
        _ = try instance.wish(.exec)
        guard let run = instance.run else { throw APIError.badRequest("Instance is not running") }
        guard !wish.command.isEmpty, wish.command.allSatisfy({ !$0.utf8.contains(0) }) else {
            throw APIError.badRequest("No command is given to run in the instance")
        }
        for (name, value) in wish.environment {
            guard !name.isEmpty, !name.contains("="), !name.utf8.contains(0), !value.utf8.contains(0) else {
                throw APIError.badRequest("The environment variable \"\(name.prefix(64))\" has no valid name or value")
            }
        }
        guard let user = UInt32(exactly: wish.user), let group = UInt32(exactly: wish.group),
            let owner = run.ids.user(user), run.ids.group(group) != nil, !wish.cwd.utf8.contains(0)
        else {
            throw APIError.badRequest(
                "The user and group of a command must be among the ids that the instance has: "
                    + run.ids.userText)
        }
        let environment = try await environment(for: wish, record, run)
        let resources = Self.resources(record.name, legacy: true)
        let job = attachJob(wish, user, group, owner: owner, record, run, environment)
        lifecycle(
            "instance-exec", record, context: ["command": .array(wish.command.map { .string($0) })],
            requestor: requestor)
        let plan = OperationPlan(description: "Executing command", project: record.project, resources: resources)
        if wish.waitForWebsocket { return startSession(wish, job, run, environment, plan) }
        return operations.start(plan) { operation in
            try await self.runAlone(wish, job, run, record, operation)
        }
    }

    private func attachJob(
        _ wish: Instance.Exec, _ user: UInt32, _ group: UInt32, owner: UInt32, _ record: InstanceRecord,
        _ run: LiveInstance.Run, _ environment: [String: String]
    ) -> AttachJob {
        AttachJob(
            name: InstanceHost.flatName(record.key), lxcPath: host.paths(of: record.key).lxcPath,
            arguments: wish.command, environment: environment.map { "\($0.key)=\($0.value)" }.sorted(), user: user,
            group: group, directory: wish.cwd.isEmpty ? environment["HOME"] ?? "/" : wish.cwd,
            terminal: wish.interactive && wish.waitForWebsocket, columns: UInt32(clamping: max(0, wish.width)),
            rows: UInt32(clamping: max(0, wish.height)), terminalOwner: owner,
            deniesForeignCalls: run.deniesForeignCalls, interceptDirectory: host.paths(of: record.key).run)
    }

    /// The command's variables: the instance's own, then what every command needs, then what was asked for.
    private func environment(
        for wish: Instance.Exec, _ record: InstanceRecord, _ run: LiveInstance.Run
    ) async throws -> [String: String] {
        let expansion = try await expansion(of: record)
        var environment: [String: String] = [:]
        for (key, value) in expansion.config where key.hasPrefix("environment.") {
            environment[String(key.dropFirst("environment.".count))] = value
        }
        environment.merge(wish.environment) { $1 }
        if environment["PATH"] == nil {
            var path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            let snap = "/proc/\(run.process.initProcess)/root/snap"
            let hasSnap = try await blocking {
                // lstat(2): whatever lies there, no link of the guest's is followed. A file system of the guest's own
                // (fuse) is not asked: to who is not in the guest's user namespace the kernel says EACCES by itself.
                var status = stat()
                return lstat(snap, &status) == 0
            }
            if hasSnap { path += ":/snap/bin" }
            environment["PATH"] = path
        }
        if wish.user == 0 {
            environment["HOME"] = environment["HOME"] ?? "/root"
            environment["USER"] = environment["USER"] ?? "root"
        }
        environment["LANG"] = environment["LANG"] ?? "C.UTF-8"
        return environment
    }

    /// Begins the command; says why where the instance itself is the reason that it cannot.
    private func attach(_ job: AttachJob, streams: [Int32], _ run: LiveInstance.Run) async throws -> AttachedCommand {
        do {
            return try await host.runtime.attach(job, streams: streams, isPrivileged: run.ids.isEmpty)
        } catch let failure as RuntimeFailure {
            let group = host.cgroups.directory("pids", host.paths(named: job.name).payloadGroup) ?? ""
            let (limit, count) = try await blocking {
                (cgroupNumber("\(group)/pids.max"), cgroupNumber("\(group)/pids.current"))
            }
            // liblxc needs one process to enter and one to become the command.
            if let limit, let count, count + 2 > limit {
                throw APIError.failed(
                    "cannot run a command in \"\(job.name)\": it has \(count) processes, and limits.processes lets it "
                        + "have \(limit). End some of them, or raise the limit")
            }
            throw failure
        }
    }

    // MARK: with websockets

    private func startSession(
        _ wish: Instance.Exec, _ job: AttachJob, _ run: LiveInstance.Run, _ environment: [String: String],
        _ plan: OperationPlan
    ) -> LexAPI.Operation {
        let session = ExecSession(interactive: wish.interactive)
        var plan = plan
        plan.metadata = [
            "fds": session.sockets.descriptors, "command": .array(wish.command.map { .string($0) }),
            "environment": .object(environment.mapValues { .string($0) }), "interactive": .bool(wish.interactive),
        ]
        plan.socket = (isSecret: { session.sockets.isSecret($0) }, serve: { try await session.serve($0, $1) })
        return operations.start(plan) { operation in
            // Also when the command never began: who has connected must not wait for it.
            defer { session.finish() }
            try await session.waitForConnections()
            let code =
                if wish.interactive {
                    try await self.runOnTerminal(job, run, session)
                } else {
                    try await self.runOnPipes(job, run, session)
                }
            try self.report(code, operation)
        }
    }

    private func runOnTerminal(_ job: AttachJob, _ run: LiveInstance.Run, _ session: ExecSession) async throws -> Int32
    {
        let command = try await attach(job, streams: [], run)
        return try await session.run(command, terminal: try ExecStream(taking: command.terminal))
    }

    private func runOnPipes(_ job: AttachJob, _ run: LiveInstance.Run, _ session: ExecSession) async throws -> Int32 {
        let (command, input, output, errors) = try await attachToPipes(job, run)
        return try await session.run(command, input: input, output: output, errors: errors)
    }

    /// Begins the command on three pipes; answers our ends. The command's ends are open here only until it has them: its
    /// own are then the last.
    private func attachToPipes(
        _ job: AttachJob, _ run: LiveInstance.Run
    ) async throws -> (AttachedCommand, input: ExecStream, output: ExecStream, errors: ExecStream) {
        let input = try ExecPipe()
        let output = try ExecPipe()
        let errors = try ExecPipe()
        let theirs = [input.read.number, output.write.number, errors.write.number]
        let command = try await attach(job, streams: theirs, run)
        return (
            command, try ExecStream(taking: input.write.release()), try ExecStream(taking: output.read.release()),
            try ExecStream(taking: errors.read.release())
        )
    }

    // MARK: without

    /// Runs a command without anybody at its streams; its output is thrown away or kept in files.
    private func runAlone(
        _ wish: Instance.Exec, _ job: AttachJob, _ run: LiveInstance.Run, _ record: InstanceRecord,
        _ operation: RunningOperation
    ) async throws {
        let null = try OwnedDescriptor.open("/dev/null", O_RDWR)
        var streams = [null.number, null.number, null.number]
        var files: [Int32] = []
        defer { for number in files { close(number) } }
        if wish.recordOutput {
            let logs = host.paths(of: record.key).logs
            var urls: [String: JSONValue] = [:]
            for (index, kind) in [(1, "stdout"), (2, "stderr")] {
                let name = "exec_\(operation.id).\(kind)"
                let file = try OwnedDescriptor.open(
                    "\(logs)/\(name)", O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW
                ).release()
                files.append(file)
                streams[index] = file
                urls[String(index)] = .string(
                    Projects.url("/1.0/instances/\(record.name)/logs/\(name)", project: record.project))
            }
            operation.set("output", .object(urls))
        }
        let command = try await attach(job, streams: streams, run)
        try report(try await command.end(), operation)
    }

    /// Tells the exit code; 126 and 127 make the operation fail besides, as LXD has it.
    private func report(_ code: Int32, _ operation: RunningOperation) throws {
        operation.set("return", .int(Int64(code)))
        switch code {
        case 126: throw APIError.badRequest("Command not executable")
        case 127: throw APIError.badRequest("Command not found")
        default: break
        }
    }
}
