import CLXC
import CLexLinux
import Glibc
import LexIPC

/// mount(2) that a FUSE program of the instance's does, which is run there as any other command.
extension CallWorker {
    /// How long such a program may take until it has mounted and gone into the background.
    private static let patience: Int32 = 8000

    /// Only for root inside, with the instance's own root and mounts: the program sees those.
    func mountByProgram(
        _ caller: borrowing Caller, _ wish: MountWish, _ program: String, _ mounts: borrowing OwnedDescriptor
    ) throws(SystemError) -> Answer {
        guard let container = lxc_container_new(job.name, job.lxcPath) else { return .proceed }
        let initProcess = container.pointee.init_pid(container)
        guard initProcess > 0 else { return .proceed }
        let initMounts = try OwnedDescriptor.open("/proc/\(initProcess)/ns/mnt", O_RDONLY)
        let initRoot = try OwnedDescriptor.open("/proc/\(initProcess)/root", lex_o_path | O_DIRECTORY)
        let root = try caller.open("root", lex_o_path | O_DIRECTORY)
        guard Self.isSame(mounts, initMounts), Self.isSame(root, initRoot),
            try Resolver(caller, from: AT_FDCWD).isRoot(with: lex_cap_sys_admin), isPending
        else { return .proceed }
        let words = wish.options.filter { $0 != MountWish.guardedErrors } + wish.words
        let source = String(decoding: wish.source, as: UTF8.self)
        let target = String(decoding: wish.target, as: UTF8.self)
        // A name with a dash first would be an option to it.
        guard !source.hasPrefix("-"), !target.hasPrefix("-") else { return .proceed }
        let command = AttachJob(
            name: job.name, lxcPath: job.lxcPath,
            arguments: [program, source, target] + (words.isEmpty ? [] : ["-o", words.joined(separator: ",")]),
            environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"],
            user: 0, group: 0, directory: Self.link("cwd", of: caller) ?? "/", terminal: false, columns: 0, rows: 0,
            terminalOwner: 0, deniesForeignCalls: job.deniesForeignCalls, interceptDirectory: job.directory)
        // As in LXD the kernel's own answer, when the program does not do it.
        return Self.runs(command) ? .result(0) : .proceed
    }

    /// Runs a command in the instance; whether it ended well, in time.
    private static func runs(_ command: AttachJob) -> Bool {
        let worker = getpid()
        let process = lex_fork()
        if process == 0 {
            _ = lex_set_parent_death_signal(SIGKILL)
            guard getppid() == worker else { _exit(1) }
            _exit((try? run(command)) == true ? 0 : 1)
        }
        var status: Int32 = 0
        return process > 0 && waitpid(process, &status, 0) == process && lex_exit_status(status) == 0
    }

    private static func run(_ command: AttachJob) throws -> Bool {
        let container = try reachedContainer(for: command)
        let null = try OwnedDescriptor.open("/dev/null", O_RDWR).number
        let process = try enter(container, command, Streams(input: null, output: null, errors: null))
        let descriptor = lex_pidfd_open(process)
        guard descriptor >= 0 else { throw SystemError("watch", "process \(process)") }
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&watched, 1, patience) <= 0 { _ = lex_pidfd_send_signal(descriptor, SIGKILL) }
        var status: Int32 = 0
        return waitpid(process, &status, 0) == process && lex_exit_status(status) == 0
    }

    private static func link(_ name: String, of caller: borrowing Caller) -> String? {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlinkat(caller.directory.number, name, &text, text.count)
        return count > 0 ? String(validating: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }
}
