/// How a request went, where there is nothing else to say (draft-ietf-secsh-filexfer-02, 7).
package enum SFTPStatus: UInt32, Sendable, Equatable {
    /// As wished.
    case ok = 0
    /// There is no more.
    case end = 1
    /// There is no such file.
    case noSuchFile = 2
    /// It is not allowed.
    case permissionDenied = 3
    /// It failed for another reason, which the words say.
    case failure = 4
    /// The request was not understood.
    case badMessage = 5
    /// There is nobody on the other side.
    case noConnection = 6
    /// The connection was lost.
    case connectionLost = 7
    /// The server does not know how.
    case unsupported = 8
}

/// One entry of a directory, or one path.
package struct SFTPName: Sendable, Equatable {
    /// The name.
    package var name: SFTPPath
    /// A line for people, as ls(1) has it.
    package var line: [UInt8]
    /// What it is.
    package var attributes: SFTPAttributes

    package init(_ name: SFTPPath, line: [UInt8] = [], attributes: SFTPAttributes = SFTPAttributes()) {
        self.name = name
        self.line = line
        self.attributes = attributes
    }
}

/// What a server answers.
package enum SFTPReply: Sendable, Equatable {
    /// The first of all: the version, and what it knows beside it.
    case version(UInt32, extensions: [String])
    /// How it went, and why.
    case status(SFTPStatus, message: String)
    /// What was opened.
    case handle([UInt8])
    /// Bytes of a file.
    case data(ArraySlice<UInt8>)
    /// Names.
    case names([SFTPName])
    /// What something is.
    case attributes(SFTPAttributes)
    /// Numbers, as `statvfs@openssh.com` has them.
    case numbers([UInt64])

    /// Takes a packet apart.
    package static func read(_ packet: ArraySlice<UInt8>) throws(SFTPError) -> (id: UInt32, reply: SFTPReply) {
        var reader = SFTPReader(packet)
        let type = try reader.uint8()
        let id = try reader.uint32()
        if type == 2 {
            var extensions: [String] = []
            while !reader.isAtEnd {
                extensions.append(try reader.text())
                _ = try reader.slice()
            }
            return (0, .version(id, extensions: extensions))
        }
        return (id, try reply(type, &reader))
    }

    private static func reply(_ type: UInt8, _ reader: inout SFTPReader) throws(SFTPError) -> SFTPReply {
        switch type {
        case 101:
            let status = SFTPStatus(rawValue: try reader.uint32()) ?? .failure
            return .status(status, message: try reader.text())
        case 102: return .handle(try reader.bytes())
        case 103: return .data(try reader.slice())
        case 104:
            var names: [SFTPName] = []
            // A name, a line and the flags of attributes.
            for _ in 0..<(try reader.count(ofAtLeast: 12)) {
                names.append(
                    SFTPName(
                        try reader.bytes(), line: try reader.bytes(),
                        attributes: try SFTPAttributes(from: &reader)))
            }
            return .names(names)
        case 105: return .attributes(try SFTPAttributes(from: &reader))
        case 201:
            var numbers: [UInt64] = []
            while !reader.isAtEnd { numbers.append(try reader.uint64()) }
            return .numbers(numbers)
        default: throw SFTPError("a reply of type \(type)")
        }
    }
}

extension SFTPWriter {
    /// Adds a reply.
    package mutating func put(_ reply: SFTPReply, id: UInt32) {
        switch reply {
        case .version(let version, let extensions):
            packet(2) { writer in
                writer.put(version)
                for name in extensions {
                    writer.put(name.utf8)
                    writer.put((SFTP.extensions.first { $0.name == name }?.data ?? "1").utf8)
                }
            }
        case .status(let status, let message):
            packet(101) { writer in
                writer.put(id)
                writer.put(status.rawValue)
                writer.put(message.utf8)
                writer.put("en".utf8)
            }
        case .handle(let handle):
            packet(102) {
                $0.put(id); $0.put(handle)
            }
        case .data(let data):
            packet(103) {
                $0.put(id); $0.put(data)
            }
        case .names(let names):
            packet(104) { writer in
                writer.put(id)
                writer.put(UInt32(truncatingIfNeeded: names.count))
                for name in names {
                    writer.put(name.name)
                    writer.put(name.line)
                    name.attributes.write(to: &writer)
                }
            }
        case .attributes(let attributes):
            packet(105) {
                $0.put(id); attributes.write(to: &$0)
            }
        case .numbers(let numbers):
            packet(201) {
                $0.put(id); for number in numbers { $0.put(number) }
            }
        }
    }
}
