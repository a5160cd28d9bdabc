import CLexLinux
import Glibc
import LexIPC

/// Opens a route netlink socket in the network namespace of a process. A socket belongs to the namespace it was
/// opened in (network_namespaces(7)), so lexd can look into the instance's network without entering it.
func netlinkSocket(of process: Int32) throws(SystemError) -> OwnedDescriptor {
    let namespace = try OwnedDescriptor.open("/proc/\(process)/ns/net", O_RDONLY)
    try checked("enter", "the network namespace of process \(process)") {
        lex_setns(namespace.number, lex_clone_newnet)
    }
    return OwnedDescriptor(taking: try checked("open", "a netlink socket") { lex_route_socket() })
}

func openNetlink(_ job: NetlinkJob, _ socket: borrowing JobSocket) throws {
    let netlink = try netlinkSocket(of: job.process)
    try socket.send(RuntimeReply.done, descriptors: [netlink.number])
}
