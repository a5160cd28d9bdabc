import Glibc
package import LexHost
package import LexIPC

/// A process that serves the files of one instance over SFTP, and our end of the connection to it.
package final class FileServer: Sendable {
    private let helper: HelperProcess?
    private let connection: OwnedDescriptor

    /// Takes the connection over; without a helper nothing is ended with it. Nothing that is done with it waits from now on: EAGAIN instead.
    package init(helper: HelperProcess?, connection: consuming OwnedDescriptor) {
        self.helper = helper
        _ = fcntl(connection.number, F_SETFL, O_NONBLOCK)
        self.connection = connection
    }

    /// The connection, as long as this is there.
    package var number: Int32 { connection.number }

    /// The connection once more, for who takes it over.
    package func duplicate() throws(SystemError) -> OwnedDescriptor { try connection.duplicate() }

    /// Ends it, whatever it does: a file system of the guest's may let it wait for ever.
    package func end() async {
        shutdown(connection.number, Int32(SHUT_RDWR))
        try? await helper?.kill()
    }

    /// The same for who does not wait for it.
    package func abort() { Task { await self.end() } }
}
