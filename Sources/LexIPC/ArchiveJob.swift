/// One thing lexd asks lexd-archive to do with the bytes on its descriptor 0.
package enum ArchiveJob: Message {
    /// Unpacks an image into `/t`: `metadata.yaml`, `rootfs/`, `templates/`. When a descriptor comes with this message,
    /// that is the root file system, and descriptor 0 all the rest.
    case unpackImage(ArchiveLimits)
    /// Reads a tar of a root file system, puts every entry below `rootfs/`, adds and replaces entries, and writes an
    /// image to the descriptor that came with this message.
    case composeImage(ImageComposition)

    package func write(to writer: inout MessageWriter) {
        switch self {
        case .unpackImage(let limits): writer.put(UInt64(1)); writer.put(limits)
        case .composeImage(let composition): writer.put(UInt64(2)); writer.put(composition)
        }
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        switch try reader.uint64() {
        case 1: self = .unpackImage(try reader.value())
        case 2: self = .composeImage(try reader.value())
        default: throw MessageError("there is no such job")
        }
    }
}

/// What an archive may cost.
package struct ArchiveLimits: Message, Equatable {
    /// The most entries.
    package var entries: UInt64
    /// The most names in one path.
    package var depth: UInt64
    /// The most bytes of content, all files together.
    package var bytes: UInt64
    /// The most bytes of content for each byte read, once `ratioFrom` is passed.
    package var ratio: UInt64
    /// The number of bytes of content from which on `ratio` counts.
    package var ratioFrom: UInt64

    package init(
        entries: UInt64 = 1_000_000, depth: UInt64 = 128, bytes: UInt64, ratio: UInt64 = 200,
        ratioFrom: UInt64 = 10 << 30
    ) {
        self.entries = entries
        self.depth = depth
        self.bytes = bytes
        self.ratio = ratio
        self.ratioFrom = ratioFrom
    }
    package func write(to writer: inout MessageWriter) {
        for value in [entries, depth, bytes, ratio, ratioFrom] { writer.put(value) }
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        entries = try reader.uint64()
        depth = try reader.uint64()
        bytes = try reader.uint64()
        ratio = try reader.uint64()
        ratioFrom = try reader.uint64()
    }
}

/// What to make of the tar of a root file system.
package struct ImageComposition: Message, Equatable {
    /// The content of `metadata.yaml`.
    package var metadata: String
    /// Names below the root that are left out, each with all below it: what belongs to the builder. A last name that
    /// ends with `*` stands for all that begin like it.
    package var omitted: [String]
    /// Files and links to add, or to put in place of what was there.
    package var additions: [AddedEntry]
    /// The content of the image's templates, by file name.
    package var templates: [AddedEntry]
    /// The time all that is added bears, in seconds since 1970.
    package var time: Int64
    /// Whether the image is compressed with zstd.
    package var compressed: Bool

    package init(
        metadata: String, omitted: [String], additions: [AddedEntry], templates: [AddedEntry], time: Int64 = 0,
        compressed: Bool = true
    ) {
        self.metadata = metadata
        self.omitted = omitted
        self.additions = additions
        self.templates = templates
        self.time = time
        self.compressed = compressed
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(metadata)
        writer.put(omitted)
        writer.put(additions)
        writer.put(templates)
        writer.put(time)
        writer.put(compressed)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        metadata = try reader.string()
        omitted = try reader.strings()
        additions = try reader.list()
        templates = try reader.list()
        time = try reader.int64()
        compressed = try reader.bool()
    }
}

/// A file or a symbolic link owned by root.
package struct AddedEntry: Message, Equatable {
    /// The path below the root, without a leading slash.
    package var path: String
    /// The content of a file, or nil for a link.
    package var content: String?
    /// The target of a link.
    package var target: String
    /// The permission bits of a file.
    package var mode: UInt32

    package init(path: String, content: String?, target: String = "", mode: UInt32 = 0o644) {
        self.path = path
        self.content = content
        self.target = target
        self.mode = mode
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(path)
        writer.put(optional: content)
        writer.put(target)
        writer.put(mode)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        path = try reader.string()
        content = try reader.optionalString()
        target = try reader.string()
        mode = try reader.uint32()
    }
}

/// What lexd-archive answers. Everything in it is as untrusted as the archive.
package enum ArchiveReply: Message {
    /// So many bytes of the input are read.
    case progress(UInt64)
    /// The work is done.
    case done(ArchiveResult)
    /// The archive breaks a rule: the sentence says which entry and which rule.
    case refused(String)
    /// A call failed: no room, an unreadable input.
    case failed(RuntimeFailure)

    package func write(to writer: inout MessageWriter) {
        switch self {
        case .progress(let bytes): writer.put(UInt64(1)); writer.put(bytes)
        case .done(let result): writer.put(UInt64(2)); writer.put(result)
        case .refused(let reason): writer.put(UInt64(3)); writer.put(reason)
        case .failed(let failure): writer.put(UInt64(4)); writer.put(failure)
        }
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        switch try reader.uint64() {
        case 1: self = .progress(try reader.uint64())
        case 2: self = .done(try reader.value())
        case 3: self = .refused(try reader.string())
        case 4: self = .failed(try reader.value())
        default: throw MessageError("there is no such reply")
        }
    }
}

/// What came of an archive.
package struct ArchiveResult: Message, Equatable {
    /// The content of `metadata.yaml`, at most 1 MiB.
    package var metadata: String
    /// How many entries there were.
    package var entries: UInt64
    /// How many bytes of content.
    package var bytes: UInt64
    /// What was left out, a sentence each, at most 100.
    package var warnings: [String]

    package init(metadata: String, entries: UInt64, bytes: UInt64, warnings: [String]) {
        self.metadata = metadata
        self.entries = entries
        self.bytes = bytes
        self.warnings = warnings
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(metadata)
        writer.put(entries)
        writer.put(bytes)
        writer.put(warnings)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        metadata = try reader.string()
        entries = try reader.uint64()
        bytes = try reader.uint64()
        warnings = try reader.strings()
    }
}
