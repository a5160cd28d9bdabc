import Glibc
package import LexIPC

/// Whether files can be mounted with other ids than they are stored with.
///
/// On a host they can. In an instance the kernel refuses it for every file system but those made there, and whether a
/// directory lies on one of these only a try tells.
package struct MountMapping: Sendable {
    private let programs: HelperPrograms
    private let own: IDMap

    /// - Parameter own: The ids of this process's user namespace.
    package init(programs: HelperPrograms, own: IDMap = .ofThisProcess()) {
        self.programs = programs
        self.own = own
    }

    /// Whether there is nothing to ask.
    package var isCertain: Bool { own.isEmpty }

    /// Whether what lies in a directory can.
    package func isPossible(in directory: String) async throws -> Bool {
        if isCertain { return true }
        let helper = try await HelperProcess(
            programs.runtime, title: "map \(directory)", job: .mapping(MappingJob(directory: directory)))
        guard try await helper.isHeard(within: programs.patience) else {
            try await helper.kill()
            throw SystemError("map the ids of", directory, code: ETIMEDOUT)
        }
        guard let reply = try await helper.reply(RuntimeReply.self) else {
            throw SystemError("map the ids of", directory, code: EIO)
        }
        await helper.end()
        guard case .failed(let failure) = reply.value else { return true }
        guard failure.code == EPERM else { throw failure }
        return false
    }
}
