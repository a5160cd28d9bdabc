// timespec is first seen in libarchive's headers, so it is theirs to Swift.
import CArchive
import Glibc
import LexIPC

/// A squashfs being read, directory by directory, as the entries of an archive would be: so that the same rules and
/// bounds hold for both.
final class SquashfsReader: EntrySource {
    private let file: SquashfsFile
    private var open: [OpenDirectory] = []
    private var began = false
    /// Directories that were read: one that lies in itself would never end.
    private var directories: Set<SquashfsReference> = []
    /// Files with several names, by their inode, and the first of the names.
    private var linked: [SquashfsReference: [UInt8]] = [:]
    private var reading: Reading?
    private let block: UnsafeMutableRawBufferPointer
    /// The fragment that was unpacked last: files of one directory mostly share one.
    private var fragment: (index: UInt32, count: Int)?
    private let fragmentBlock: UnsafeMutableRawBufferPointer

    private struct OpenDirectory {
        let path: [UInt8]
        var names: SquashfsNames
    }

    private struct Reading {
        var content: SquashfsFileContent
        var sizes: SquashfsCursor
        var address: UInt64
        var position: Int64 = 0
    }

    init(descriptor: Int32) throws {
        file = try SquashfsFile(descriptor: descriptor)
        let size = file.header.blockSize
        block = .allocate(byteCount: size, alignment: 16)
        fragmentBlock = .allocate(byteCount: size, alignment: 16)
    }

    deinit {
        block.deallocate()
        fragmentBlock.deallocate()
    }

    var bytesRead: UInt64 { file.bytesRead }

    func nextEntry() throws -> (any SourceEntry)? {
        reading = nil
        guard began else {
            began = true
            return try entry(Array("./".utf8), file.header.root)
        }
        while var directory = open.popLast() {
            guard let (name, inode) = try directory.names.next() else { continue }
            open.append(directory)
            return try entry(directory.path + name, inode)
        }
        return nil
    }

    private func entry(_ path: [UInt8], _ reference: SquashfsReference) throws -> SquashfsEntry {
        let inode = try SquashfsInode(file, reference)
        let kind: EntryKind
        var size: Int64 = 0
        switch inode.content {
        case .directory(let listing):
            guard directories.insert(reference).inserted else {
                throw Refusal(path, "is a directory that has another name already")
            }
            let isRoot = open.isEmpty && directories.count == 1
            open.append(
                OpenDirectory(
                    path: isRoot ? [] : path + [UInt8(ascii: "/")], names: try SquashfsNames(file, listing)))
            // A path that is too long is refused when its entry is judged, before anything below it.
            kind = .directory
        case .file(let content):
            if let first = linked[reference] {
                kind = .hardLink(target: first)
            } else {
                if inode.links > 1 { linked[reference] = path }
                kind = .file
                size = content.size
                reading = Reading(content: content, sizes: content.sizes, address: content.start)
            }
        case .symbolicLink(let target): kind = .symbolicLink(target: target)
        case .fifo: kind = .fifo
        case .socket: kind = .socket
        case .device: kind = .device
        }
        let facts = EntryFacts(path: path, kind: kind, size: size, user: inode.user, group: inode.group)
        return SquashfsEntry(
            facts: facts, mode: inode.mode, modified: inode.modified,
            attributes: try inode.attributes.map { try file.attributes($0) } ?? [])
    }

    func nextPiece() throws -> (bytes: UnsafeRawBufferPointer, offset: Int64)? {
        while var current = reading, current.position < current.content.size {
            let left = current.content.size - current.position
            let size = Int64(file.header.blockSize)
            let start = current.position
            let count = min(left, size)
            // Never overflows: it ends at the file's size.
            current.position += count
            if left < size, let index = current.content.fragment {
                reading = current
                return (try tail(index, current.content.offset, Int(count)), start)
            }
            let word = try current.sizes.uint32()
            reading = current
            // A hole: a block of zeros takes no room, here and there.
            guard word != 0 else { continue }
            let got = try file.content(at: current.address, word: word, into: block)
            guard got == count else {
                throw squashfsRefusal("a block of content unpacks to \(got) bytes, not \(count)")
            }
            current.address = current.address &+ UInt64(word & 0xffffff)
            reading = current
            return (UnsafeRawBufferPointer(rebasing: block[..<got]), start)
        }
        return nil
    }

    /// The end of a file out of a fragment.
    private func tail(_ index: UInt32, _ offset: Int, _ count: Int) throws -> UnsafeRawBufferPointer {
        if fragment?.index != index {
            fragment = nil
            let place = try file.fragment(index)
            fragment = (index, try file.content(at: place.address, word: place.word, into: fragmentBlock))
        }
        guard let fragment, offset <= fragment.count, count <= fragment.count - offset else {
            throw squashfsRefusal("the end of a file lies behind its fragment")
        }
        return UnsafeRawBufferPointer(rebasing: fragmentBlock[offset..<offset + count])
    }
}

/// An entry of a squashfs.
struct SquashfsEntry: SourceEntry {
    let facts: EntryFacts
    let mode: mode_t
    let modified: timespec
    let attributes: [(name: String, value: [UInt8])]

    // mksquashfs keeps no ACLs but as attributes it does not know.
    func hasAccessList(_ type: Int32) -> Bool { false }
    func accessList(_ type: Int32) -> [AccessEntry]? { nil }
}
