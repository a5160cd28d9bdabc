import CLXC
import CLexLinux
import Glibc
import LexIPC

/// The privileged hands of lexd: one job, one thread, then the end.
///
/// Namespaces, ids, mounts and liblxc belong to a process, or to a thread that can never be told from its siblings;
/// so they are touched only here, never in lexd itself.
@main
enum Main {
    static func main() {
        let arguments = CommandLine.arguments
        if arguments.count == 2, arguments[1] == "lxc-version" {
            print(String(cString: lxc_get_version()))
            return
        }
        guard lex_thread_count() == 1 else { stop("lexd-runtime was started with more than one thread") }
        if arguments.count > 1, arguments[1].hasPrefix("sealed ") { runFromSealedCopy() }
        do {
            // Descriptor 0 is the socket to lexd. Our own copy closes on exec; what is left on 0 is /dev/null.
            let socket = JobSocket(try OwnedDescriptor(taking: 0).duplicate())
            let null = try OwnedDescriptor.open("/dev/null", O_RDWR).release()
            if null != 0 { stop("lexd-runtime could not free descriptor 0") }
            guard var job = try socket.receive(RuntimeJob.self) else { exit(0) }
            try run(&job, socket)
        } catch {
            stop("lexd-runtime: \(error)")
        }
    }

    private static func run(_ received: inout Received<RuntimeJob>, _ socket: borrowing JobSocket) throws {
        do {
            switch received.value {
            case .start(let job): try start(job, socket)
            case .attach(let job):
                rename("exec \(job.name)")
                try attach(job, &received, socket)
            case .netlink(let job): try openNetlink(job, socket)
            case .console(let job): try holdConsoles(job, socket)
            case .confine(let job): try confine(job, &received, socket)
            case .plug(let job): try plug(job, &received, socket)
            case .unplug(let job): try unplug(job, &received, socket)
            case .resize(let job): try resize(job, &received, socket)
            case .lxcfs(let job): try bringLXCFS(job, &received, socket)
            case .files(let job):
                rename("files \(job.name)")
                try serveFiles(job, &received, socket)
            case .proxy(let job): try passConnectionsOn(job, &received, socket)
            case .intercept(let job): try intercept(job, socket)
            case .mapping(let job): try tryMapping(job, socket)
            }
        } catch let failure as RuntimeFailure {
            try socket.send(RuntimeReply.failed(failure))
        } catch let error as SystemError {
            try socket.send(RuntimeReply.failed(RuntimeFailure(error)))
        }
    }

    /// What ps(1) shows of one that was started before it had a job.
    private static func rename(_ title: String) {
        guard CommandLine.argc > 1, let place = CommandLine.unsafeArgv[1], strncmp(place, "spare ", 6) == 0 else {
            return
        }
        let room = strlen(place)
        memset(place, 0, room)
        for (index, byte) in title.utf8.prefix(room).enumerated() { place[index] = CChar(bitPattern: byte) }
    }

    private static func stop(_ why: String) -> Never {
        _ = (why + "\n").withCString { write(2, $0, strlen($0)) }
        exit(70)
    }
}
