import CLexLinux
import Glibc
import LexIPC

/// Looks whether a directory can be mounted with other ids, by doing it: the mount hangs nowhere and goes with us.
func tryMapping(_ job: MappingJob, _ socket: borrowing JobSocket) throws {
    let own = IDMap.ofThisProcess()
    // Any map will do, as long as it is of ids we have.
    let first = own.users.first?.inside ?? 0
    let namespace = try mapNamespace(IDMap(users: [one(first)], groups: [one(own.groups.first?.inside ?? 0)]))
    try map(job.directory, namespace)
    try socket.send(RuntimeReply.done)
}

private func one(_ id: UInt32) -> IDRange { IDRange(inside: 0, host: id, count: 1) }

private func map(_ directory: String, _ namespace: borrowing OwnedDescriptor) throws(SystemError) {
    let tree = OwnedDescriptor(
        taking: try checked("open the tree", directory) { lex_clone_tree(AT_FDCWD, directory, 0) })
    try checked("map the ids of", directory) {
        lex_set_mount_attributes(tree.number, namespace.number, 0, 0, 0)
    }
}

/// Whether a directory can be mounted with the ids of a user namespace.
///
/// Only the owner of a file system may do that, which in an instance is another than we for all but what lies in memory.
/// On the host itself it is not asked: what fails there is to be seen.
func canMap(_ directory: String, _ namespace: borrowing OwnedDescriptor) throws(SystemError) -> Bool {
    if IDMap.ofThisProcess().isEmpty { return true }
    do { try map(directory, namespace) } catch {
        guard error.code == EPERM else { throw error }
        return false
    }
    return true
}
