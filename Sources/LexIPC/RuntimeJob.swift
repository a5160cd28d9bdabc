/// One thing lexd asks lexd-runtime to do. The helper does it, replies and exits; only `attach` and `console` go on.
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

    package func write(to writer: inout MessageWriter) {
        switch self {
        case .start(let job): writer.put(UInt64(1)); writer.put(job)
        case .attach(let job): writer.put(UInt64(2)); writer.put(job)
        case .netlink(let job): writer.put(UInt64(3)); writer.put(job)
        case .console(let job): writer.put(UInt64(4)); writer.put(job)
        case .confine(let job): writer.put(UInt64(5)); writer.put(job)
        }
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        switch try reader.uint64() {
        case 1: self = .start(try reader.value())
        case 2: self = .attach(try reader.value())
        case 3: self = .netlink(try reader.value())
        case 4: self = .console(try reader.value())
        case 5: self = .confine(try reader.value())
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

    package func write(to writer: inout MessageWriter) {
        switch self {
        case .done: writer.put(UInt64(1))
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

/// An overlay to assemble from directories whose files are stored unshifted.
package struct OverlayMount: Message, Equatable {
    /// The read-only layers, the topmost first; at least one.
    package var lowerDirectories: [String]
    /// The directory on one file system that holds `upper` and `work`.
    package var dataDirectory: String
    /// An empty directory to hang the parts of the overlay under; private to the instance.
    package var mountDirectory: String

    package init(lowerDirectories: [String], dataDirectory: String, mountDirectory: String) {
        self.lowerDirectories = lowerDirectories
        self.dataDirectory = dataDirectory
        self.mountDirectory = mountDirectory
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(lowerDirectories)
        writer.put(dataDirectory)
        writer.put(mountDirectory)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        lowerDirectories = try reader.strings()
        dataDirectory = try reader.string()
        mountDirectory = try reader.string()
    }
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
    package var overlay: OverlayMount
    /// The instance's ids, the same for users and groups; empty for a privileged instance.
    package var ids: [IDRange]
    /// The settings, in the order they are made.
    package var items: [LXCItem]
    /// A file to hold locked (flock(2)) while the job runs, so that a restarted lexd waits for it.
    package var lockFile: String
    /// A file to leave the process ids in, for a lexd that was not there to hear them.
    package var runFile: String
    /// liblxc's log, read for the reason when a start fails.
    package var logFile: String

    package init(
        name: String, lxcPath: String, overlay: OverlayMount, ids: [IDRange], items: [LXCItem], lockFile: String,
        runFile: String, logFile: String
    ) {
        self.name = name
        self.lxcPath = lxcPath
        self.overlay = overlay
        self.ids = ids
        self.items = items
        self.lockFile = lockFile
        self.runFile = runFile
        self.logFile = logFile
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(name)
        writer.put(lxcPath)
        writer.put(overlay)
        writer.put(ids)
        writer.put(items)
        writer.put(lockFile)
        writer.put(runFile)
        writer.put(logFile)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        name = try reader.string()
        lxcPath = try reader.string()
        overlay = try reader.value()
        ids = try reader.list()
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

    package init(monitor: Int32, initProcess: Int32) {
        self.monitor = monitor
        self.initProcess = initProcess
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(monitor)
        writer.put(initProcess)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        monitor = try reader.int32()
        initProcess = try reader.int32()
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

    package init(
        name: String, lxcPath: String, arguments: [String], environment: [String], user: UInt32, group: UInt32,
        directory: String, terminal: Bool, columns: UInt32, rows: UInt32, terminalOwner: UInt32
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
        }
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        switch try reader.uint64() {
        case 1: self = .open(instance: try reader.string(), owner: try reader.uint32())
        case 2: self = .close(instance: try reader.string())
        case 3: self = .log(instance: try reader.string())
        case 4: self = .end
        default: throw MessageError("there is no such console request")
        }
    }
}

/// What the process that holds the consoles answers.
package enum ConsoleReply: Message {
    /// Done.
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
