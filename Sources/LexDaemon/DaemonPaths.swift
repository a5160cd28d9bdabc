package import LexNetwork

/// Where a daemon keeps its things. All follow from one directory, so that several daemons run side by side.
package struct DaemonPaths: Sendable {
    /// LEXD_DIR.
    package let directory: String
    /// What links, control groups, firewall tables and processes of this daemon are told apart by.
    package let identity: NetworkIdentity
    /// What is true until the next boot.
    package let run: String
    /// Logs of instances.
    package let logs: String
    /// The table of host ids, shared by all daemons of the machine.
    package var ids = "/run/lexd-ids"
    /// Where lxcfs is mounted when it is there, shared by all of the machine.
    package var lxcfs = "/var/lib/lxcfs"

    /// The standard directory.
    package static let standard = "/var/lib/lexd"

    /// The paths of the daemon that works in `directory`, an absolute path.
    package init(directory: String) {
        var path = directory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.directory = path
        identity = NetworkIdentity(directory: path, standard: Self.standard)
        if path == Self.standard {
            run = "/run/lexd"
            logs = "/var/log/lexd"
        } else {
            run = "/run/\(identity.tag)"
            logs = "\(path)/logs"
        }
    }

    /// The API's socket.
    package var socket: String { "\(directory)/unix.socket" }
    /// The state store.
    var store: String { "\(directory)/lexd.db" }
    /// The files of images.
    var images: String { "\(directory)/images" }
    /// The pools without a source of their own.
    var pools: String { "\(directory)/storage-pools" }
    /// Leases and names of networks.
    var networks: String { "\(directory)/networks" }
    /// Where the archive helper's root is put together.
    var confinement: String { "\(run)/confined" }
    /// Where the holder of the consoles listens.
    var consoleSocket: String { "\(run)/consoles.socket" }
}
