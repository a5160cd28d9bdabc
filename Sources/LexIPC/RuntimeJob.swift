/// One thing lexd asks lexd-runtime to do. The helper does it, replies and exits; only `attach`, `console`, `files`,
/// `proxy` and `intercept` go on.
package enum RuntimeJob: Message {
    /// Starts an instance.
    case start(StartJob)
    /// Runs a command in an instance.
    case attach(AttachJob)
    /// Opens a netlink socket in the network namespace of a process: reply `done` and one descriptor.
    case netlink(NetlinkJob)
    /// Holds the console terminals of all instances; outlives lexd.
    case console(ConsoleJob)
    /// Runs a program on untrusted bytes, behind every wall there is.
    case confine(ConfineJob)
    /// Gives a running instance a disk or a device node: reply `plugged`.
    case plug(PlugJob)
    /// Takes a disk or a device node from a running instance: reply `done`.
    case unplug(UnplugJob)
    /// Gives a file system in memory of a running instance another size: reply `done`.
    case resize(ResizeJob)
    /// Serves the files of an instance: reply `done` when it does.
    case files(FilesJob)
    /// Brings a running instance what lxcfs has now: reply `done`.
    case lxcfs(LXCFSJob)
    /// Passes connections on between host and instance: reply `done` when it does. It outlives lexd.
    case proxy(ProxyJob)
    /// Answers system calls of an instance in the kernel's place: reply `done` when it can be reached.
    case intercept(InterceptJob)
    /// Looks whether what lies in a directory can be mounted with other ids: reply `done`, or the kernel's refusal.
    case mapping(MappingJob)

    package func write(to writer: inout MessageWriter) {
        switch self {
        case .start(let job): writer.put(UInt64(1)); writer.put(job)
        case .attach(let job): writer.put(UInt64(2)); writer.put(job)
        case .netlink(let job): writer.put(UInt64(3)); writer.put(job)
        case .console(let job): writer.put(UInt64(4)); writer.put(job)
        case .confine(let job): writer.put(UInt64(5)); writer.put(job)
        case .plug(let job): writer.put(UInt64(6)); writer.put(job)
        case .unplug(let job): writer.put(UInt64(7)); writer.put(job)
        case .resize(let job): writer.put(UInt64(10)); writer.put(job)
        case .files(let job): writer.put(UInt64(8)); writer.put(job)
        case .lxcfs(let job): writer.put(UInt64(20)); writer.put(job)
        case .proxy(let job): writer.put(UInt64(40)); writer.put(job)
        case .intercept(let job): writer.put(UInt64(9)); writer.put(job)
        case .mapping(let job): writer.put(UInt64(60)); writer.put(job)
        }
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        switch try reader.uint64() {
        case 1: self = .start(try reader.value())
        case 2: self = .attach(try reader.value())
        case 3: self = .netlink(try reader.value())
        case 4: self = .console(try reader.value())
        case 5: self = .confine(try reader.value())
        case 6: self = .plug(try reader.value())
        case 7: self = .unplug(try reader.value())
        case 8: self = .files(try reader.value())
        case 10: self = .resize(try reader.value())
        case 20: self = .lxcfs(try reader.value())
        case 40: self = .proxy(try reader.value())
        case 9: self = .intercept(try reader.value())
        case 60: self = .mapping(try reader.value())
        default: throw MessageError("there is no such job")
        }
    }
}

/// What lexd-runtime answers.
package enum RuntimeReply: Message {
    /// The job is done.
    case done
    /// The instance runs: its monitor's pidfd, its init's pidfd and a netlink socket in its network namespace come
    /// with this.
    case started(StartedReply)
    /// The command runs; its pidfd comes with this, and for a terminal then the terminal's master side.
    case attached
    /// The command has ended with this exit code: 0...255, or 128 + signal.
    case exited(Int32)
    /// The job failed.
    case failed(RuntimeFailure)
    /// The instance has it; what it is known by.
    case plugged(FileIdentity)

    package func write(to writer: inout MessageWriter) {
        switch self {
        case .done: writer.put(UInt64(1))
        case .plugged(let identity): writer.put(UInt64(6)); writer.put(identity)
        case .started(let reply): writer.put(UInt64(2)); writer.put(reply)
        case .attached: writer.put(UInt64(3))
        case .exited(let code): writer.put(UInt64(4)); writer.put(code)
        case .failed(let failure): writer.put(UInt64(5)); writer.put(failure)
        }
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        switch try reader.uint64() {
        case 1: self = .done
        case 2: self = .started(try reader.value())
        case 3: self = .attached
        case 4: self = .exited(try reader.int32())
        case 5: self = .failed(try reader.value())
        case 6: self = .plugged(try reader.value())
        default: throw MessageError("there is no such reply")
        }
    }
}

/// Why a job failed: the call, what it was made on, the error number (0 for none) and further words.
package struct RuntimeFailure: Message, Error, CustomStringConvertible {
    package var call: String
    package var subject: String
    package var code: Int32
    package var detail: String

    package init(call: String, subject: String, code: Int32 = 0, detail: String = "") {
        self.call = call
        self.subject = subject
        self.code = code
        self.detail = detail
    }
    package init(_ error: SystemError) {
        self.init(call: error.call, subject: error.subject, code: error.code)
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(call)
        writer.put(subject)
        writer.put(code)
        writer.put(detail)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        call = try reader.string()
        subject = try reader.string()
        code = try reader.int32()
        detail = try reader.string()
    }
    package var description: String {
        var text = "cannot \(call) \(subject)"
        if code != 0 { text += ": \(SystemError(call, subject, code: code).reason)" }
        if !detail.isEmpty { text += ": \(detail)" }
        return text
    }
}

/// One line of an id map: `count` ids from `inside` on are the host's from `host` on.
package struct IDRange: Message, Equatable {
    package var inside: UInt32
    package var host: UInt32
    package var count: UInt32

    package init(inside: UInt32, host: UInt32, count: UInt32) {
        self.inside = inside
        self.host = host
        self.count = count
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(inside)
        writer.put(host)
        writer.put(count)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        inside = try reader.uint32()
        host = try reader.uint32()
        count = try reader.uint32()
    }
    /// As a line of `/proc/PID/uid_map` (user_namespaces(7)).
    package var line: String { "\(inside) \(host) \(count)" }
}

/// One setting for liblxc; values are never joined into a text that a newline could extend.
package struct LXCItem: Message, Equatable {
    package var key: String
    package var value: String

    package init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(key)
        writer.put(value)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        key = try reader.string()
        value = try reader.string()
    }
}

/// Looks whether the kernel mounts a directory with other ids (mount_setattr(2), `MOUNT_ATTR_IDMAP`).
package struct MappingJob: Message, Equatable {
    /// The directory.
    package var directory: String

    package init(directory: String) { self.directory = directory }
    package func write(to writer: inout MessageWriter) { writer.put(directory) }
    package init(from reader: inout MessageReader) throws(MessageError) { directory = try reader.string() }
}

/// The root file system of an instance, to assemble from directories: an overlay, or a plain directory. Their files are
/// stored with the ids they have inside, unless it says otherwise.
package struct RootMount: Message, Equatable {
    /// The read-only layers, the topmost first; none for a plain directory.
    package var lowerDirectories: [String]
    /// For an overlay the directory on one file system that holds `upper` and `work`, else the root itself.
    package var dataDirectory: String
    /// An empty directory to hang the parts under; private to the instance.
    package var mountDirectory: String
    /// Whether the files are stored with the ids they have on the host: nothing is mapped then.
    package var isShifted = false

    /// An overlay of at least one layer.
    package init(lowerDirectories: [String], dataDirectory: String, mountDirectory: String) {
        self.lowerDirectories = lowerDirectories
        self.dataDirectory = dataDirectory
        self.mountDirectory = mountDirectory
    }
    /// A plain directory.
    package init(directory: String, mountDirectory: String, isShifted: Bool = false) {
        self.init(lowerDirectories: [], dataDirectory: directory, mountDirectory: mountDirectory)
        self.isShifted = isShifted
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(lowerDirectories)
        writer.put(dataDirectory)
        writer.put(mountDirectory)
        writer.put(isShifted)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        lowerDirectories = try reader.strings()
        dataDirectory = try reader.string()
        mountDirectory = try reader.string()
        isShifted = try reader.bool()
    }
    /// Whether it is an overlay.
    package var isOverlay: Bool { !lowerDirectories.isEmpty }
    /// Where the assembled tree is found in the instance's own mount namespace.
    package var rootfs: String { mountDirectory + "/rootfs" }
}

/// Starts one instance with liblxc.
package struct StartJob: Message {
    /// What liblxc calls it; unique below `lxcPath`.
    package var name: String
    /// The directory liblxc names its command socket after.
    package var lxcPath: String
    /// The root file system.
    package var root: RootMount
    /// What it has beside its root, mounted as ``DiskMount/name(_:)`` beside the root for liblxc to bind.
    package var disks: [DiskMount]
    /// Its device nodes, made as ``NodeMount/name(_:)`` beside the root for liblxc to bind.
    package var nodes: [NodeMount]
    /// The instance's ids.
    package var ids: IDMap
    /// Whether only calls of the machine's own width may be made: none of 32-bit programs.
    package var deniesForeignCalls: Bool
    /// What is written into its root before it runs.
    package var files: [PlacedText]
    /// Where lxcfs is mounted on the host when it is there; nil to do without.
    package var lxcfs: String?
    /// What is to answer some of its calls; nil for the kernel alone.
    package var interception: InterceptJob?
    /// The settings, in the order they are made.
    package var items: [LXCItem]
    /// A file to hold locked (flock(2)) while the job runs, so that a restarted lexd waits for it.
    package var lockFile: String
    /// A file to leave the process ids in, for a lexd that was not there to hear them.
    package var runFile: String
    /// liblxc's log, read for the reason when a start fails.
    package var logFile: String

    package init(
        name: String, lxcPath: String, root: RootMount, disks: [DiskMount] = [], nodes: [NodeMount] = [], ids: IDMap,
        deniesForeignCalls: Bool = false, interception: InterceptJob? = nil, files: [PlacedText] = [],
        lxcfs: String? = nil, items: [LXCItem], lockFile: String, runFile: String, logFile: String
    ) {
        self.name = name
        self.lxcPath = lxcPath
        self.root = root
        self.disks = disks
        self.nodes = nodes
        self.ids = ids
        self.deniesForeignCalls = deniesForeignCalls
        self.files = files
        self.lxcfs = lxcfs
        self.interception = interception
        self.items = items
        self.lockFile = lockFile
        self.runFile = runFile
        self.logFile = logFile
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(name)
        writer.put(lxcPath)
        writer.put(root)
        writer.put(disks)
        writer.put(nodes)
        writer.put(ids)
        writer.put(deniesForeignCalls)
        writer.put(files)
        writer.put(optional: lxcfs)
        writer.put(optional: interception)
        writer.put(items)
        writer.put(lockFile)
        writer.put(runFile)
        writer.put(logFile)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        name = try reader.string()
        lxcPath = try reader.string()
        root = try reader.value()
        disks = try reader.list()
        nodes = try reader.list()
        ids = try reader.value()
        deniesForeignCalls = try reader.bool()
        files = try reader.list()
        lxcfs = try reader.optionalString()
        interception = try reader.optional()
        items = try reader.list()
        lockFile = try reader.string()
        runFile = try reader.string()
        logFile = try reader.string()
    }
}

/// The processes of a started instance.
package struct StartedReply: Message {
    /// liblxc's monitor.
    package var monitor: Int32
    /// The instance's init.
    package var initProcess: Int32
    /// What its disks are known by, in their order.
    package var disks: [FileIdentity]
    /// What it had to do without.
    package var remarks: [String]

    package init(monitor: Int32, initProcess: Int32, disks: [FileIdentity] = [], remarks: [String] = []) {
        self.monitor = monitor
        self.initProcess = initProcess
        self.disks = disks
        self.remarks = remarks
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(monitor)
        writer.put(initProcess)
        writer.put(disks)
        writer.put(remarks)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        monitor = try reader.int32()
        initProcess = try reader.int32()
        disks = try reader.list()
        remarks = try reader.strings()
    }
}

/// Runs one command in a running instance. Without a terminal its three streams come with the job.
package struct AttachJob: Message {
    package var name: String
    package var lxcPath: String
    package var arguments: [String]
    /// `NAME=value`, all there is.
    package var environment: [String]
    package var user: UInt32
    package var group: UInt32
    package var directory: String
    /// Whether it gets a terminal of the instance's own devpts.
    package var terminal: Bool
    package var columns: UInt32
    package var rows: UInt32
    /// The host's id of `user`, who is to own the terminal.
    package var terminalOwner: UInt32
    /// Whether it may make only calls of the machine's own width, as the instance itself.
    package var deniesForeignCalls: Bool
    /// Where what answers calls of the instance may be reached; see ``InterceptJob``.
    package var interceptDirectory: String

    package init(
        name: String, lxcPath: String, arguments: [String], environment: [String], user: UInt32, group: UInt32,
        directory: String, terminal: Bool, columns: UInt32, rows: UInt32, terminalOwner: UInt32,
        deniesForeignCalls: Bool = false, interceptDirectory: String = ""
    ) {
        self.name = name
        self.lxcPath = lxcPath
        self.arguments = arguments
        self.environment = environment
        self.user = user
        self.group = group
        self.directory = directory
        self.terminal = terminal
        self.columns = columns
        self.rows = rows
        self.terminalOwner = terminalOwner
        self.deniesForeignCalls = deniesForeignCalls
        self.interceptDirectory = interceptDirectory
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(name)
        writer.put(lxcPath)
        writer.put(arguments)
        writer.put(environment)
        writer.put(user)
        writer.put(group)
        writer.put(directory)
        writer.put(terminal)
        writer.put(columns)
        writer.put(rows)
        writer.put(terminalOwner)
        writer.put(deniesForeignCalls)
        writer.put(interceptDirectory)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        name = try reader.string()
        lxcPath = try reader.string()
        arguments = try reader.strings()
        environment = try reader.strings()
        user = try reader.uint32()
        group = try reader.uint32()
        directory = try reader.string()
        terminal = try reader.bool()
        columns = try reader.uint32()
        rows = try reader.uint32()
        terminalOwner = try reader.uint32()
        deniesForeignCalls = try reader.bool()
        interceptDirectory = try reader.string()
    }
}

/// Opens a netlink socket in the network namespace of a process.
package struct NetlinkJob: Message {
    package var process: Int32

    package init(process: Int32) { self.process = process }
    package func write(to writer: inout MessageWriter) { writer.put(process) }
    package init(from reader: inout MessageReader) throws(MessageError) { process = try reader.int32() }
}

/// Holds console terminals; asked over a Unix socket that a later lexd finds again.
package struct ConsoleJob: Message {
    /// The path of the Unix socket to listen on.
    package var socketPath: String

    package init(socketPath: String) { self.socketPath = socketPath }
    package func write(to writer: inout MessageWriter) { writer.put(socketPath) }
    package init(from reader: inout MessageReader) throws(MessageError) { socketPath = try reader.string() }
}

/// Runs a program on untrusted bytes. The program's input comes as the job's first descriptor and becomes its
/// descriptor 0; the second becomes its descriptor 1, the socket it is asked and answers on; a third, if there is one,
/// its descriptor 2.
///
/// The answer is `exited` when the program has ended. A launcher whose socket to lexd is closed ends the program.
package struct ConfineJob: Message, Equatable {
    /// The program, by its path on the host.
    package var program: String
    /// What it needs to be loaded, by path: the dynamic loader and the libraries.
    package var libraries: [String]
    /// The directory it may change, seen as `/t`; nil for none.
    package var target: String?
    /// An empty directory to build its root on.
    package var mountPoint: String
    /// The host ids it runs under: 65536 from this one on, given to nothing else.
    package var firstID: UInt32
    /// The most memory it may map, in bytes.
    package var memoryLimit: UInt64
    /// The most CPU time it may use, in seconds.
    package var cpuLimit: UInt64
    /// Whether its system calls are filtered. Only a debug build of lexd-runtime obeys `false`: so that a test can
    /// show that the other walls hold by themselves.
    package var filtersCalls: Bool

    package init(
        program: String, libraries: [String], target: String?, mountPoint: String, firstID: UInt32,
        memoryLimit: UInt64, cpuLimit: UInt64, filtersCalls: Bool = true
    ) {
        self.program = program
        self.libraries = libraries
        self.target = target
        self.mountPoint = mountPoint
        self.firstID = firstID
        self.memoryLimit = memoryLimit
        self.cpuLimit = cpuLimit
        self.filtersCalls = filtersCalls
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(program)
        writer.put(libraries)
        writer.put(optional: target)
        writer.put(mountPoint)
        writer.put(firstID)
        writer.put(memoryLimit)
        writer.put(cpuLimit)
        writer.put(filtersCalls)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        program = try reader.string()
        libraries = try reader.strings()
        target = try reader.optionalString()
        mountPoint = try reader.string()
        firstID = try reader.uint32()
        memoryLimit = try reader.uint64()
        cpuLimit = try reader.uint64()
        filtersCalls = try reader.bool()
    }
}

/// What lexd asks the process that holds the consoles.
package enum ConsoleRequest: Message {
    /// A terminal for this instance, owned by this host id; an earlier one is closed.
    case open(instance: String, owner: UInt32)
    /// No terminal for this instance any more.
    case close(instance: String)
    /// What it has said lately, at most 128 KiB.
    case log(instance: String)
    /// End, when there is no terminal left.
    case end
    /// A socket that says what this instance says from now on, and takes what is typed; `alone` ends all others.
    case attach(instance: String, alone: Bool)
    /// The size of this instance's terminal.
    case resize(instance: String, columns: UInt32, rows: UInt32)
    /// Forget what this instance has said so far.
    case clear(instance: String)

    package func write(to writer: inout MessageWriter) {
        switch self {
        case .open(let instance, let owner):
            writer.put(UInt64(1))
            writer.put(instance)
            writer.put(owner)
        case .close(let instance):
            writer.put(UInt64(2))
            writer.put(instance)
        case .log(let instance):
            writer.put(UInt64(3))
            writer.put(instance)
        case .end:
            writer.put(UInt64(4))
        case .attach(let instance, let alone):
            writer.put(UInt64(5))
            writer.put(instance)
            writer.put(alone)
        case .resize(let instance, let columns, let rows):
            writer.put(UInt64(6))
            writer.put(instance)
            writer.put(columns)
            writer.put(rows)
        case .clear(let instance):
            writer.put(UInt64(7))
            writer.put(instance)
        }
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        switch try reader.uint64() {
        case 1: self = .open(instance: try reader.string(), owner: try reader.uint32())
        case 2: self = .close(instance: try reader.string())
        case 3: self = .log(instance: try reader.string())
        case 4: self = .end
        case 5: self = .attach(instance: try reader.string(), alone: try reader.bool())
        case 6: self = .resize(instance: try reader.string(), columns: try reader.uint32(), rows: try reader.uint32())
        case 7: self = .clear(instance: try reader.string())
        default: throw MessageError("there is no such console request")
        }
    }
}

/// What the process that holds the consoles answers.
package enum ConsoleReply: Message {
    /// Done; to `attach` the socket comes with it.
    case done
    /// The path of the terminal, `/dev/pts/7`.
    case opened(path: String)
    /// What the instance has said.
    case log([UInt8])
    /// It could not be done.
    case failed(RuntimeFailure)

    package func write(to writer: inout MessageWriter) {
        switch self {
        case .done: writer.put(UInt64(1))
        case .opened(let path):
            writer.put(UInt64(2))
            writer.put(path)
        case .log(let bytes):
            writer.put(UInt64(3))
            writer.put(bytes)
        case .failed(let failure):
            writer.put(UInt64(4))
            writer.put(failure)
        }
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        switch try reader.uint64() {
        case 1: self = .done
        case 2: self = .opened(path: try reader.string())
        case 3: self = .log(try reader.blob())
        case 4: self = .failed(try reader.value())
        default: throw MessageError("there is no such console reply")
        }
    }
}
