/// What a client asks.
package enum SFTPRequest: Sendable, Equatable {
    /// The first of all: the version it speaks. It has no number.
    case initialize(version: UInt32)
    /// A plain file, made or emptied as the flags say.
    case open(path: SFTPPath, flags: SFTPOpenFlags, attributes: SFTPAttributes)
    /// No more of what was opened.
    case close(handle: [UInt8])
    /// So many bytes of a file.
    case read(handle: [UInt8], offset: UInt64, length: UInt32)
    /// These bytes into a file.
    case write(handle: [UInt8], offset: UInt64, data: ArraySlice<UInt8>)
    /// What a path is, without following a link.
    case lstat(path: SFTPPath)
    /// What was opened.
    case fstat(handle: [UInt8])
    /// Changes what a path is.
    case setstat(path: SFTPPath, attributes: SFTPAttributes)
    /// Changes what was opened.
    case fsetstat(handle: [UInt8], attributes: SFTPAttributes)
    /// A directory, to be listed.
    case opendir(path: SFTPPath)
    /// The next of what is in it.
    case readdir(handle: [UInt8])
    /// Removes what is no directory.
    case remove(path: SFTPPath)
    /// Makes a directory.
    case mkdir(path: SFTPPath, attributes: SFTPAttributes)
    /// Removes an empty directory.
    case rmdir(path: SFTPPath)
    /// The path from the root, without dots.
    case realpath(path: SFTPPath)
    /// What a path is, following links.
    case stat(path: SFTPPath)
    /// Gives something another name; with `replacing` also one that is taken.
    case rename(from: SFTPPath, to: SFTPPath, replacing: Bool)
    /// Where a link leads.
    case readlink(path: SFTPPath)
    /// Makes a symbolic link; the target first, as OpenSSH has it against the draft.
    case symlink(target: SFTPPath, path: SFTPPath)
    /// A second name for the same file.
    case hardlink(from: SFTPPath, to: SFTPPath)
    /// How much room there is.
    case statvfs(path: SFTPPath)
    /// Everything to the disk.
    case fsync(handle: [UInt8])
    /// A whole small file at once: its content replaces what is there; the attributes are for one that is new.
    case put(path: SFTPPath, attributes: SFTPAttributes, data: ArraySlice<UInt8>)
    /// Something this server does not know.
    case unknown

    /// Takes a packet apart.
    package static func read(_ packet: ArraySlice<UInt8>) throws(SFTPError) -> (id: UInt32, request: SFTPRequest) {
        var reader = SFTPReader(packet)
        let type = try reader.uint8()
        // Of the first request it is the version; what it has beside that is for extensions nobody asked for.
        let id = try reader.uint32()
        if type == 1 { return (0, .initialize(version: id)) }
        let request = try Self.request(type, &reader)
        guard reader.isAtEnd else { throw SFTPError("there is more of it than its fields") }
        return (id, request)
    }

    private static func request(_ type: UInt8, _ reader: inout SFTPReader) throws(SFTPError) -> SFTPRequest {
        switch type {
        case 3:
            return .open(
                path: try reader.path(), flags: SFTPOpenFlags(rawValue: try reader.uint32()),
                attributes: try SFTPAttributes(from: &reader))
        case 4: return .close(handle: try reader.bytes())
        case 5:
            return .read(handle: try reader.bytes(), offset: try reader.uint64(), length: try reader.uint32())
        case 6:
            return .write(handle: try reader.bytes(), offset: try reader.uint64(), data: try reader.slice())
        case 7: return .lstat(path: try reader.path())
        case 8: return .fstat(handle: try reader.bytes())
        case 9: return .setstat(path: try reader.path(), attributes: try SFTPAttributes(from: &reader))
        case 10: return .fsetstat(handle: try reader.bytes(), attributes: try SFTPAttributes(from: &reader))
        case 11: return .opendir(path: try reader.path())
        case 12: return .readdir(handle: try reader.bytes())
        case 13: return .remove(path: try reader.path())
        case 14: return .mkdir(path: try reader.path(), attributes: try SFTPAttributes(from: &reader))
        case 15: return .rmdir(path: try reader.path())
        case 16: return .realpath(path: try reader.path())
        case 17: return .stat(path: try reader.path())
        case 18: return .rename(from: try reader.path(), to: try reader.path(), replacing: false)
        case 19: return .readlink(path: try reader.path())
        case 20: return .symlink(target: try reader.path(), path: try reader.path())
        case 200: return try extended(&reader)
        default:
            _ = reader.remainder()
            return .unknown
        }
    }

    private static func extended(_ reader: inout SFTPReader) throws(SFTPError) -> SFTPRequest {
        switch try reader.text() {
        case "posix-rename@openssh.com":
            return .rename(from: try reader.path(), to: try reader.path(), replacing: true)
        case "hardlink@openssh.com": return .hardlink(from: try reader.path(), to: try reader.path())
        case "statvfs@openssh.com": return .statvfs(path: try reader.path())
        case "fsync@openssh.com": return .fsync(handle: try reader.bytes())
        case SFTP.putName:
            return .put(
                path: try reader.path(), attributes: try SFTPAttributes(from: &reader), data: try reader.slice())
        default:
            _ = reader.remainder()
            return .unknown
        }
    }
}

extension SFTPWriter {
    /// Adds a request.
    package mutating func put(_ request: SFTPRequest, id: UInt32) {
        switch request {
        case .initialize(let version): packet(1) { $0.put(version) }
        case .open(let path, let flags, let attributes):
            packet(3) { writer in
                writer.put(id)
                writer.put(path)
                writer.put(flags.rawValue)
                attributes.write(to: &writer)
            }
        case .close(let handle): put(4, id, handle)
        case .read(let handle, let offset, let length):
            packet(5) { writer in
                writer.put(id)
                writer.put(handle)
                writer.put(offset)
                writer.put(length)
            }
        case .write(let handle, let offset, let data):
            packet(6) { writer in
                writer.put(id)
                writer.put(handle)
                writer.put(offset)
                writer.put(data)
            }
        case .lstat(let path): put(7, id, path)
        case .fstat(let handle): put(8, id, handle)
        case .setstat(let path, let attributes): put(9, id, path, attributes)
        case .fsetstat(let handle, let attributes): put(10, id, handle, attributes)
        case .opendir(let path): put(11, id, path)
        case .readdir(let handle): put(12, id, handle)
        case .remove(let path): put(13, id, path)
        case .mkdir(let path, let attributes): put(14, id, path, attributes)
        case .rmdir(let path): put(15, id, path)
        case .realpath(let path): put(16, id, path)
        case .stat(let path): put(17, id, path)
        case .rename(let from, let to, let replacing):
            if replacing { put("posix-rename@openssh.com", id, from, to) } else { put(18, id, from, to) }
        case .readlink(let path): put(19, id, path)
        case .symlink(let target, let path): put(20, id, target, path)
        case .hardlink(let from, let to): put("hardlink@openssh.com", id, from, to)
        case .statvfs(let path): put("statvfs@openssh.com", id, path)
        case .fsync(let handle): put("fsync@openssh.com", id, handle)
        case .put(let path, let attributes, let data):
            packet(200) { writer in
                writer.put(id)
                writer.put(SFTP.putName.utf8)
                writer.put(path)
                attributes.write(to: &writer)
                writer.put(data)
            }
        case .unknown:
            packet(200) {
                $0.put(id); $0.put("".utf8)
            }
        }
    }

    private mutating func put(_ type: UInt8, _ id: UInt32, _ fields: [UInt8]...) {
        packet(type) { writer in
            writer.put(id)
            for field in fields { writer.put(field) }
        }
    }
    private mutating func put(_ type: UInt8, _ id: UInt32, _ field: [UInt8], _ attributes: SFTPAttributes) {
        packet(type) { writer in
            writer.put(id)
            writer.put(field)
            attributes.write(to: &writer)
        }
    }
    private mutating func put(_ name: String, _ id: UInt32, _ fields: [UInt8]...) {
        packet(200) { writer in
            writer.put(id)
            writer.put(name.utf8)
            for field in fields { writer.put(field) }
        }
    }
}
