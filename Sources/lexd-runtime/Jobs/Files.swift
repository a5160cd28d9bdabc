import CLexLinux
import Glibc
import LexIPC

/// Serves the files of an instance over SFTP until the other side closes.
///
/// It lives in the instance's own root from before the first request on, with the rights of the instance's root and of
/// those only what files need: where a link of the guest's leads, there the guest could have gone itself.
func serveFiles(
    _ job: FilesJob, _ received: inout Received<RuntimeJob>, _ socket: borrowing JobSocket
) throws {
    guard let connection = received.takeDescriptor() else {
        throw RuntimeFailure(call: "serve the files of", subject: job.name, detail: "the connection is missing")
    }
    // Of the host's: a descriptor of a file is opened anew through it once we know what it is. The guest's own /proc
    // does not show us, and may be anything.
    let descriptors = try OwnedDescriptor.open("/proc/self/fd", O_RDONLY | O_DIRECTORY)
    if let root = job.root {
        try enterStopped(root, job)
    } else {
        guard let process = received.takeDescriptor() else {
            throw RuntimeFailure(call: "enter", subject: job.name, detail: "the process of the instance is missing")
        }
        let user = job.ids.isEmpty ? 0 : lex_clone_newuser
        try checked("enter", job.name) { lex_setns(process.number, user | lex_clone_newns) }
    }
    try becomeRootForFiles(job.name)
    let root = try OwnedDescriptor.open("/", lex_o_path | O_DIRECTORY)
    try socket.send(RuntimeReply.done)
    FileService(GuestFiles(root: root, descriptors: descriptors), connection).run()
}

/// The root of an instance that does not run, mounted for us alone and as it would see it.
private func enterStopped(_ root: RootMount, _ job: FilesJob) throws {
    try checked("unshare", "the mount namespace") { lex_unshare(lex_clone_newns) }
    // Slave: nothing of ours goes to the host, and what is unmounted on the host is not held here.
    try checked("make slave", "/") { lex_mount(nil, "/", nil, lex_ms_rec | lex_ms_slave, nil) }
    try assemble(root, ids: job.ids)
    for directory in job.plain { try show(directory, below: root.rootfs, ids: job.ids) }
    let namespace = job.ids.isEmpty ? nil : try mapNamespace(job.ids)
    try checked("enter", root.rootfs) { chdir(root.rootfs) }
    try checked("make the root", root.rootfs) { lex_move_root_here() }
    if let namespace {
        try checked("enter", "the ids of \(job.name)") { lex_setns(namespace.number, lex_clone_newuser) }
    }
}

/// Mounts such a directory in its place, if that is there and reached without a link: else nothing was ever seen in it.
private func show(_ directory: PlainDirectory, below rootfs: String, ids: IDMap) throws {
    let root = try OwnedDescriptor.open(rootfs, lex_o_path | O_DIRECTORY)
    let place = lex_open_no_links(root.number, directory.place, lex_o_path | O_DIRECTORY | O_CLOEXEC, 0)
    guard place >= 0 else {
        if [ENOENT, ENOTDIR, ELOOP].contains(errno) { return }
        throw SystemError("open", directory.place)
    }
    let target = OwnedDescriptor(taking: place)
    let tree = try diskTree(DiskMount(source: directory.source, ids: ids))
    try checked("mount", directory.source) { lex_attach_tree_to(tree.number, target.number) }
}

private func becomeRootForFiles(_ name: String) throws {
    try checked("leave the groups for", name) { lex_setgroups_none() }
    try checked("become the group root of", name) { setgid(0) }
    try checked("become the root of", name) { setuid(0) }
    umask(0)
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    let kept = [lex_cap_chown, lex_cap_dac_override, lex_cap_fowner, lex_cap_fsetid]
    try checked("give up rights for", name) { lex_keep_capabilities(kept, kept.count) }
    try checked("give up new rights for", name) { lex_set_no_new_privileges() }
}
