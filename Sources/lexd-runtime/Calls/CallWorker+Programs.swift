import CLexLinux
import Glibc
import LexIPC

/// bpf(2) with programs for the devices of a guest's own control groups.
extension CallWorker {
    /// Loads a program with as few rights as there are for it, and hands it to the caller.
    func loadProgram(_ caller: borrowing Caller, _ address: UInt64, size: UInt64) throws(SystemError) -> Answer {
        guard let bytes = attributes(caller, address, size), let wish = DeviceProgram(bytes),
            let instructions = caller.bytes(at: wish.instructions, count: Int(wish.count) * 8),
            DeviceProgram.isPlain(instructions), let license = caller.text(at: wish.license, most: 128),
            try mayManagePrograms(caller), let groups = try groupEntrances(caller), isPending
        else { return .proceed }
        let log = wish.log == 0 || wish.logLevel == 0 ? 0 : Int(wish.logSize)
        guard let memory = lex_shared_memory(64 + log) else { throw SystemError("share", "memory") }
        let result = memory.assumingMemoryBound(to: Int32.self)
        let said = (memory + 64).assumingMemoryBound(to: CChar.self)
        result[1] = EIO
        let process = lex_fork_with_descriptors()
        if process == 0 {
            // Without CAP_SYS_ADMIN and CAP_PERFMON the kernel's verifier lets no address and no memory of its own be read.
            let kept = [lex_cap_bpf, lex_cap_net_admin]
            guard Self.join(groups), lex_keep_capabilities(kept, kept.count) == 0 else { _exit(1) }
            let name = wish.name.map { CChar(bitPattern: $0) }
            result[0] = lex_load_device_program(
                instructions, wish.count, Self.text(license), name, wish.flags, wish.logLevel, log == 0 ? nil : said,
                UInt32(log))
            result[1] = result[0] < 0 ? errno : 0
            _exit(0)
        }
        guard process > 0 else { throw SystemError("fork for", "a program") }
        var status: Int32 = 0
        try checked("wait for", "process \(process)") { waitpid(process, &status, 0) }
        guard isPending else { return .proceed }
        if log > 0 {
            let text = UnsafeRawBufferPointer(start: said, count: log).prefix { $0 != 0 } + [0]
            _ = caller.write(Array(text.prefix(log)), at: wish.log)
        }
        guard lex_exit_status(status) == 0, result[1] == 0 else { return .result(result[1] == 0 ? EIO : result[1]) }
        let program = OwnedDescriptor(taking: result[0])
        let given = lex_answer_with_descriptor(listener, call.id, program.number)
        return given >= 0 ? .given : .result(errno)
    }

    /// Attaches a program to one of the groups below the instance's own, or takes it off. The instance's own has the
    /// program that holds it to its devices.
    func attachProgram(
        _ caller: borrowing Caller, _ address: UInt64, size: UInt64, detaches: Bool
    ) throws(SystemError) -> Answer {
        guard let bytes = attributes(caller, address, size), let wish = ProgramAttachment(bytes),
            try mayManagePrograms(caller), isPending
        else { return .proceed }
        let thread = OwnedDescriptor(
            taking: try checked("watch", "the caller") { lex_pidfd_of_thread(call.thread) })
        // From here on that is whom it stands for.
        guard isPending else { return .proceed }
        let group = try Self.descriptor(wish.group, of: thread)
        guard lex_is_unified_group(group.number) != 0 else { return .proceed }
        // The kernel asks for no right to attach: who has the program could shut itself out of all devices.
        guard try isBelowOwn(group) else { return .result(EPERM) }
        let program = try Self.descriptor(wish.program, of: thread)
        let replaces = wish.flags & ProgramAttachment.replaces != 0
        let replaced = try replaces ? Self.descriptor(wish.replaced, of: thread).release() : -1
        let kept = [lex_cap_bpf, lex_cap_net_admin]
        try checked("give up", "rights") { lex_keep_capabilities(kept, kept.count) }
        let done =
            detaches
            ? lex_detach_device_program(group.number, program.number)
            : lex_attach_device_program(group.number, program.number, wish.flags, replaced)
        return .result(done == 0 ? 0 : errno)
    }

    private static func descriptor(
        _ number: Int32, of thread: borrowing OwnedDescriptor
    ) throws(SystemError) -> OwnedDescriptor {
        let thread = thread.number
        return OwnedDescriptor(
            taking: try checked("take", "descriptor \(number)") { lex_descriptor_of(thread, number) })
    }

    private func attributes(_ caller: borrowing Caller, _ address: UInt64, _ size: UInt64) -> [UInt8]? {
        guard (1...DeviceProgram.mostSize).contains(size) else { return nil }
        return caller.bytes(at: address, count: Int(size))
    }

    /// Whether it is root of the instance's own user namespace.
    private func mayManagePrograms(_ caller: borrowing Caller) throws(SystemError) -> Bool {
        let status = try caller.status()
        guard status.has(lex_cap_sys_admin) || status.has(lex_cap_bpf) else { return false }
        let users = try caller.open("ns/user", O_RDONLY)
        let own = try OwnedDescriptor.open("/proc/self/ns/user", O_RDONLY)
        let parent = lex_parent_of_namespace(users.number)
        return parent >= 0 && Self.isSame(OwnedDescriptor(taking: parent), own)
    }

    /// By the numbers of directories, which all mounts of that tree have in common: a guest sees it from its own root.
    private func isBelowOwn(_ group: borrowing OwnedDescriptor) throws(SystemError) -> Bool {
        guard !groups.unified.isEmpty else { return false }
        let own = try OwnedDescriptor.open(groups.unified, lex_o_path | O_DIRECTORY)
        var place = try group.duplicate()
        for _ in 0..<64 {
            let number = openat(place.number, "..", lex_o_path | O_DIRECTORY | O_CLOEXEC)
            guard number >= 0 else { return false }
            place = OwnedDescriptor(taking: number)
            if Self.isSame(place, own) { return true }
            guard lex_is_unified_group(place.number) != 0 else { return false }
        }
        return false
    }
}
