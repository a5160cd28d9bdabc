import CLexLinux
import Glibc
import LexIPC

/// Ids of this number inside belong to the mounter of the overlay, the host's root.
///
/// overlayfs makes its work entries with the mounter's ids; without a place for them on the idmapped layers the
/// overlay would silently turn read-only (EOVERFLOW). It is the same for all instances and above every map, so no
/// guest can ever name it.
private let mounterID: UInt32 = 0xFFFE_0000

/// Puts the root file system, the disks and the device nodes together below `mountDirectory`: directories as idmapped
/// mounts, and for an overlay that over its layers. Answers what the disks are known by.
///
/// Everything hangs in a small tmpfs there, so that the host sees an empty directory.
@discardableResult
func assemble(
    _ root: RootMount, _ disks: [DiskMount] = [], _ nodes: [NodeMount] = [], ids: IDMap
) throws -> [FileIdentity] {
    let base = root.mountDirectory
    try checked("mount a tmpfs on", base) {
        lex_mount("lexd", base, "tmpfs", lex_ms_nosuid | lex_ms_nodev, "size=64k,mode=0711")
    }
    try checked("enter", base) { chdir(base) }
    if root.isOverlay {
        try mountOverlay(root, ids: ids)
    } else {
        let tree = try diskTree(
            DiskMount(source: root.dataDirectory, ids: root.isShifted ? .none : ids), keepsPropagation: true)
        try attachTree(tree, root.dataDirectory, at: "rootfs")
    }
    var identities: [FileIdentity] = []
    for (index, disk) in disks.enumerated() {
        let tree = try diskTree(disk)
        identities.append(try identity(of: tree.number, disk.source))
        try attachTree(tree, disk.source, at: DiskMount.name(index), isFile: disk.kind == .file)
    }
    try makeNodes(nodes)
    try checked("enter", "/") { chdir("/") }
    return identities
}

private func attachTree(
    _ tree: borrowing OwnedDescriptor, _ source: String, at name: String, isFile: Bool = false
) throws(SystemError) {
    if isFile {
        _ = try OwnedDescriptor.open(name, O_WRONLY | O_CREAT | O_EXCL)
    } else {
        try checked("make directory", name) { mkdir(name, 0o700) }
    }
    try checked("mount", source) { lex_attach_tree(tree.number, AT_FDCWD, name) }
}

/// Options are given with names relative to the directory we are in: an absolute path could hold the comma or colon that
/// separates them.
private func mountOverlay(_ overlay: RootMount, ids: IDMap) throws(SystemError) {
    let mounter = IDRange(inside: mounterID, host: 0, count: 1)
    let namespace =
        ids.isEmpty
        ? -1 : try mapNamespace(IDMap(users: ids.users + [mounter], groups: ids.groups + [mounter])).release()
    defer { if namespace >= 0 { close(namespace) } }
    var lowers: [String] = []
    for (index, directory) in overlay.lowerDirectories.enumerated() {
        let name = "lower\(index)"
        try attachLayer(directory, at: name, namespace: namespace, readOnly: true)
        lowers.append(name)
    }
    try attachLayer(overlay.dataDirectory, at: "data", namespace: namespace, readOnly: false)
    try checked("make directory", overlay.rootfs) { mkdir("rootfs", 0o755) }
    // Said explicitly, since kernels are built with different defaults; without redirect_dir=on renaming a directory
    // of the image fails with EXDEV (Documentation/filesystems/overlayfs.rst).
    let options =
        "lowerdir=\(lowers.joined(separator: ":")),upperdir=data/upper,workdir=data/work,"
        + "redirect_dir=on,metacopy=off,index=off"
    // overlayfs(5) does all on its layers with the rights of who mounted it, whoever asks: with CAP_SYS_RESOURCE no quota
    // would hold.
    try checked("lay down", "CAP_SYS_RESOURCE") { lex_set_effective_capability(lex_cap_sys_resource, 0) }
    defer { _ = lex_set_effective_capability(lex_cap_sys_resource, 1) }
    try checked("mount the overlay on", overlay.rootfs) { lex_mount("lexd", "rootfs", "overlay", 0, options) }
}

private func attachLayer(
    _ directory: String, at name: String, namespace: Int32, readOnly: Bool
) throws(SystemError) {
    let tree = OwnedDescriptor(
        taking: try checked("open the tree", directory) { lex_clone_tree(AT_FDCWD, directory, 0) })
    try checked("map the ids of", directory) {
        lex_set_mount_attributes(tree.number, namespace, readOnly ? 1 : 0, 0, 0)
    }
    try attachTree(tree, directory, at: name)
}

/// A user namespace with this map: only for mounts, never for an instance.
func mapNamespace(_ ids: IDMap) throws(SystemError) -> OwnedDescriptor {
    let child = try checked("make", "a user namespace") { lex_user_namespace_child() }
    defer {
        kill(child, SIGKILL)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    }
    try writeKernelFile("/proc/\(child)/uid_map", lines(ids.users))
    try writeKernelFile("/proc/\(child)/gid_map", lines(ids.groups))
    return try OwnedDescriptor.open("/proc/\(child)/ns/user", O_RDONLY)
}

private func lines(_ ranges: [IDRange]) -> String { ranges.map { $0.line + "\n" }.joined() }
