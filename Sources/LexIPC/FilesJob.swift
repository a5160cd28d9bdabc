/// Serves the files of an instance over SFTP. With the job comes the connection, and for one that runs then the pidfd of
/// its init. It ends when the connection does.
package struct FilesJob: Message, Equatable {
    /// The instance, for people.
    package var name: String
    /// The root of one that does not run; nil for one that does.
    package var root: RootMount?
    /// What belongs into the root of one that does not run, and lies beside it.
    package var plain: [PlainDirectory]
    /// The instance's ids.
    package var ids: IDMap

    package init(name: String, root: RootMount?, plain: [PlainDirectory] = [], ids: IDMap) {
        self.name = name
        self.root = root
        self.plain = plain
        self.ids = ids
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(name)
        writer.put(optional: root)
        writer.put(plain)
        writer.put(ids)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        name = try reader.string()
        root = try reader.optional()
        plain = try reader.list()
        ids = try reader.value()
    }
}

/// A directory that lies beside an instance's root and is seen in it.
package struct PlainDirectory: Message, Equatable {
    /// Where it lies, stored with the ids it has inside.
    package var source: String
    /// Its place in the root, without a slash at the beginning.
    package var place: String

    package init(source: String, place: String) {
        self.source = source
        self.place = place
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(source)
        writer.put(place)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        source = try reader.string()
        place = try reader.string()
    }
}
