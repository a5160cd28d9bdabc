import LexHost
import LexIPC
package import Logging

/// What lexds before this one left behind: links, dnsmasq processes and directories that belong to nothing any more.
///
/// For the start of lexd, after the store has been read and before anything is attached: a NIC that is being attached
/// would look like one that belongs to nothing.
package struct Leftovers: Sendable {
    /// The host's ends of NICs.
    package var nics: [AttachedLink] = []
    /// Bridges of networks that are no more.
    package var bridges: [String] = []
    /// Directories of networks that are no more.
    package var directories: [String] = []
    /// Links that were being made.
    package var unfinished: [String] = []
    /// dnsmasq processes of networks that are no more.
    let processes: [RunningProcess]

    /// The host's end of a NIC.
    package struct AttachedLink: Sendable, Equatable {
        /// Whose it was.
        package var owner: NICOwner
        /// Its name on the host.
        package var hostName: String

        package init(owner: NICOwner, hostName: String) {
            self.owner = owner
            self.hostName = hostName
        }
    }

    /// Whether there is nothing.
    package var isEmpty: Bool {
        nics.isEmpty && bridges.isEmpty && directories.isEmpty && unfinished.isEmpty && processes.isEmpty
    }

    /// Looks for what is of `identity` but not in the store: `networks` by name, `hostNames` of the NICs of running
    /// instances. `directory` is the one that has a directory for each network, named after it.
    package static func find(
        identity: NetworkIdentity, directory: String, networks: Set<String>, hostNames: Set<String>
    ) async throws -> Leftovers {
        try await blocking {
            // All of ours are below `directory`, whatever their network was.
            let processes = try Dnsmasq.all { pidFile in
                guard pidFile.hasPrefix(directory + "/") else { return false }
                let parts = pidFile.dropFirst(directory.count + 1).split(separator: "/")
                return !(parts.count == 2 && networks.contains(String(parts[0])))
            }
            var leftovers = Leftovers(processes: processes)
            for link in try NetlinkSession().links() {
                if let owner = identity.owner(fromAlias: link.alias), !hostNames.contains(link.name) {
                    leftovers.nics.append(AttachedLink(owner: owner, hostName: link.name))
                }
                if let network = identity.network(fromAlias: link.alias)
                    ?? identity.networkOfTunnel(fromAlias: link.alias), !networks.contains(network)
                {
                    leftovers.bridges.append(link.name)
                }
                if ["veth", "macvlan", "ipvlan", "vlan"].contains(link.kind), link.group == identity.unfinished {
                    leftovers.unfinished.append(link.name)
                }
            }
            leftovers.directories = try directoryEntries(directory).filter { !networks.contains($0) }
                .map { directory + "/" + $0 }
            return leftovers
        }
    }

    /// Removes them all; one that cannot be removed does not keep the others.
    package func remove(_ logger: Logger) async {
        for process in processes {
            await attempt(logger, "dnsmasq", "\(process.id)") { try await process.end(within: .seconds(3)) }
        }
        for name in nics.map(\.hostName) + bridges + unfinished {
            await attempt(logger, "link", name) { try await blocking { try NetlinkSession().deleteLink(name) } }
        }
        for path in directories {
            await attempt(logger, "directory", path) {
                try await blocking { try NetworkDirectory(path).remove() }
            }
        }
    }

    private func attempt(_ logger: Logger, _ kind: String, _ name: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            logger.notice("removed what was left behind", metadata: ["kind": "\(kind)", "name": "\(name)"])
        } catch {
            logger.error(
                "cannot remove what was left behind",
                metadata: ["kind": "\(kind)", "name": "\(name)", "error": "\(error)"])
        }
    }
}
