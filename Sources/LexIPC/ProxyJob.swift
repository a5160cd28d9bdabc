/// One place that a proxy waits at or connects to.
package struct ProxyEnd: Message, Equatable {
    /// How.
    package var kind: Kind
    /// Four or sixteen bytes; none for every address to wait at, or this machine to connect to.
    package var address: [UInt8]
    /// The port.
    package var port: UInt16
    /// The path of a Unix socket, or its abstract name without the `@`.
    package var path: String

    /// How bytes go.
    package enum Kind: UInt32, Sendable {
        case tcp = 1
        case udp
        case file
        case abstract
    }

    package init(kind: Kind, address: [UInt8] = [], port: UInt16 = 0, path: String = "") {
        self.kind = kind
        self.address = address
        self.port = port
        self.path = path
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(kind.rawValue)
        writer.put(address)
        writer.put(UInt32(port))
        writer.put(path)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        guard let kind = Kind(rawValue: try reader.uint32()) else { throw MessageError("there is no such socket") }
        self.kind = kind
        address = try reader.blob()
        guard [0, 4, 16].contains(address.count), let port = UInt16(exactly: try reader.uint32()) else {
            throw MessageError("an address is none")
        }
        self.port = port
        path = try reader.string()
    }
}

/// Passes connections on between host and instance. The pidfd of the instance's init comes with the job; with its end
/// the job ends.
package struct ProxyJob: Message, Equatable {
    /// Where it waits.
    package var listens: [ProxyEnd]
    /// Where each of them goes on to: one for all, or as many.
    package var connects: [ProxyEnd]
    /// Whether it waits inside the instance and connects on the host, or the other way round.
    package var listensInside: Bool
    /// Whether the instance has a user namespace of its own.
    package var isUnprivileged: Bool
    /// Whether each connection begins with a line of the PROXY protocol.
    package var tellsWho: Bool
    /// The owner of its Unix socket, as ids of the side it waits on.
    package var ownerUser: UInt32
    package var ownerGroup: UInt32
    /// The mode of its Unix socket.
    package var mode: UInt32
    /// Whom it connects as, as ids of the side it connects on; the largest number for root.
    package var user: UInt32
    package var group: UInt32
    /// Where it writes its process id and `note`, before it answers.
    package var runFile: String
    /// Words for the next lexd.
    package var note: String

    package init(
        listens: [ProxyEnd], connects: [ProxyEnd], listensInside: Bool, isUnprivileged: Bool, tellsWho: Bool,
        ownerUser: UInt32, ownerGroup: UInt32, mode: UInt32, user: UInt32, group: UInt32, runFile: String, note: String
    ) {
        self.listens = listens
        self.connects = connects
        self.listensInside = listensInside
        self.isUnprivileged = isUnprivileged
        self.tellsWho = tellsWho
        self.ownerUser = ownerUser
        self.ownerGroup = ownerGroup
        self.mode = mode
        self.user = user
        self.group = group
        self.runFile = runFile
        self.note = note
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(listens)
        writer.put(connects)
        writer.put(listensInside)
        writer.put(isUnprivileged)
        writer.put(tellsWho)
        writer.put(ownerUser)
        writer.put(ownerGroup)
        writer.put(mode)
        writer.put(user)
        writer.put(group)
        writer.put(runFile)
        writer.put(note)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        listens = try reader.list()
        connects = try reader.list()
        listensInside = try reader.bool()
        isUnprivileged = try reader.bool()
        tellsWho = try reader.bool()
        ownerUser = try reader.uint32()
        ownerGroup = try reader.uint32()
        mode = try reader.uint32()
        user = try reader.uint32()
        group = try reader.uint32()
        runFile = try reader.string()
        note = try reader.string()
    }
}
