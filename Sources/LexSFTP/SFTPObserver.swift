/// Follows what a client asks of a server and what becomes of it, and tells which paths were read, written and removed. It
/// sees the bytes as they pass, in pieces of any size, and keeps no more of a packet than its beginning.
package struct SFTPObserver: Sendable {
    /// What was done with a path.
    package enum Deed: String, Sendable, Equatable {
        /// A file was opened to be read.
        case retrieved
        /// A file was written, or a directory or a link made.
        case pushed
        /// It was removed.
        case deleted
    }

    /// How many requests may wait for their answers; of those above it nothing is told.
    private static let patience = 16384

    private var requests = PacketHeads()
    private var replies = PacketHeads()
    private var waiting: [UInt32: (deed: Deed, path: SFTPPath)] = [:]

    package init() {}

    /// Takes bytes that go to the server.
    package mutating func asked(_ bytes: UnsafeRawBufferPointer) {
        for head in requests.take(bytes) {
            guard let (id, deed, path) = Self.deed(head), waiting.count < Self.patience else { continue }
            waiting[id] = (deed, path)
        }
    }

    /// Takes bytes that come from the server, and tells what was done by now.
    package mutating func answered(_ bytes: UnsafeRawBufferPointer) -> [(deed: Deed, path: SFTPPath)] {
        var done: [(deed: Deed, path: SFTPPath)] = []
        for head in replies.take(bytes) {
            var reader = SFTPReader(head[...])
            guard let type = try? reader.uint8(), let id = try? reader.uint32(),
                let deed = waiting.removeValue(forKey: id)
            else { continue }
            // A handle, or a status.
            if type == 102 || type == 101 && (try? reader.uint32()) == SFTPStatus.ok.rawValue { done.append(deed) }
        }
        return done
    }

    /// What a request does, when it is done; nil for one that is not told of.
    private static func deed(_ head: [UInt8]) -> (UInt32, Deed, SFTPPath)? {
        var reader = SFTPReader(head[...])
        do throws(SFTPError) {
            let type = try reader.uint8()
            let id = try reader.uint32()
            switch type {
            case 3:
                let path = try reader.path()
                let flags = SFTPOpenFlags(rawValue: try reader.uint32())
                return (id, flags.contains(.write) ? .pushed : .retrieved, path)
            case 13, 15: return (id, .deleted, try reader.path())
            case 14: return (id, .pushed, try reader.path())
            case 20:
                _ = try reader.path()
                return (id, .pushed, try reader.path())
            case 200:
                guard try reader.text() == SFTP.putName else { return nil }
                return (id, .pushed, try reader.path())
            default: return nil
            }
        } catch {
            return nil
        }
    }
}

/// Cuts a stream of bytes into packets, and keeps the beginning of each.
private struct PacketHeads: Sendable {
    /// Room for two paths and what stands around them.
    private static let longest = 2 * SFTP.longestPath + 64
    /// The length, then the beginning.
    private var head: [UInt8] = []
    /// What is still to come of the packet.
    private var left = 4
    /// Whether what came were no packets: there is no telling where the next one begins.
    private var isLost = false

    mutating func take(_ bytes: UnsafeRawBufferPointer) -> [[UInt8]] {
        var heads: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty, !isLost {
            let part = rest.prefix(left)
            rest = rest.dropFirst(part.count)
            left -= part.count
            head += part.prefix(max(0, 4 + Self.longest - head.count))
            guard left == 0 else { break }
            if head.count == 4 {
                left = head.reduce(0) { $0 << 8 | Int($1) }
                if (1...SFTP.largestPacket).contains(left) { continue }
                isLost = true
                head = []
            } else {
                heads.append(Array(head.dropFirst(4)))
                head.removeAll(keepingCapacity: true)
                left = 4
            }
        }
        return heads
    }
}
