import CLexLinux
import Glibc
import LexIPC

/// Ids of this number inside belong to the mounter of the overlay, the host's root.
///
/// overlayfs makes its work entries with the mounter's ids; without a place for them on the idmapped layers the
/// overlay would silently turn read-only (EOVERFLOW). It is the same for all instances and above every map, so no
/// guest can ever name it.
private let mounterID: UInt32 = 0xFFFE_0000

/// Puts the root file system together below `mountDirectory`: layers as idmapped mounts, the overlay over them.
///
/// Everything hangs in a small tmpfs there, so that the host sees an empty directory. Overlay options are given with
/// names relative to it: an absolute path could hold the comma or colon that separates them.
func assemble(_ overlay: OverlayMount, ids: [IDRange]) throws(SystemError) {
    let base = overlay.mountDirectory
    try checked("mount a tmpfs on", base) {
        lex_mount("lexd", base, "tmpfs", lex_ms_nosuid | lex_ms_nodev, "size=64k,mode=0711")
    }
    try checked("enter", base) { chdir(base) }
    let namespace = ids.isEmpty ? -1 : try layerNamespace(ids).release()
    defer { if namespace >= 0 { close(namespace) } }
    var lowers: [String] = []
    for (index, directory) in overlay.lowerDirectories.enumerated() {
        let name = "lower\(index)"
        try attachLayer(directory, at: name, namespace: namespace, readOnly: true)
        lowers.append(name)
    }
    try attachLayer(overlay.dataDirectory, at: "data", namespace: namespace, readOnly: false)
    try checked("make directory", "\(base)/rootfs") { mkdir("rootfs", 0o755) }
    // Said explicitly, since kernels are built with different defaults; without redirect_dir=on renaming a directory
    // of the image fails with EXDEV (Documentation/filesystems/overlayfs.rst).
    let options =
        "lowerdir=\(lowers.joined(separator: ":")),upperdir=data/upper,workdir=data/work,"
        + "redirect_dir=on,metacopy=off,index=off"
    try checked("mount the overlay on", overlay.rootfs) { lex_mount("lexd", "rootfs", "overlay", 0, options) }
    try checked("enter", "/") { chdir("/") }
}

private func attachLayer(
    _ directory: String, at name: String, namespace: Int32, readOnly: Bool
) throws(SystemError) {
    try checked("make directory", name) { mkdir(name, 0o700) }
    let tree = OwnedDescriptor(
        taking: try checked("open the tree", directory) { lex_clone_tree(AT_FDCWD, directory, 0) })
    try checked("map the ids of", directory) {
        lex_set_mount_attributes(tree.number, namespace, readOnly ? 1 : 0, 0, 0)
    }
    try checked("mount", directory) { lex_attach_tree(tree.number, AT_FDCWD, name) }
}

/// A user namespace with the instance's map and the mounter's id: only for the layer mounts, never for the instance.
private func layerNamespace(_ ids: [IDRange]) throws(SystemError) -> OwnedDescriptor {
    let lines = ids + [IDRange(inside: mounterID, host: 0, count: 1)]
    let map = lines.map(\.line).joined(separator: "\n") + "\n"
    let child = try checked("make", "a user namespace") { lex_user_namespace_child() }
    defer {
        kill(child, SIGKILL)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    }
    try writeKernelFile("/proc/\(child)/uid_map", map)
    try writeKernelFile("/proc/\(child)/gid_map", map)
    return try OwnedDescriptor.open("/proc/\(child)/ns/user", O_RDONLY)
}
