/// A text that becomes a file in an instance's root before the instance runs.
package struct PlacedText: Message, Equatable {
    /// Where, from the instance's root. Links on the way are the guest's, and lead nowhere but into its root.
    package var path: String
    /// The content of the file.
    package var content: String
    /// Whether a file that is there already stays as it is.
    package var onlyNew: Bool

    package init(path: String, content: String, onlyNew: Bool) {
        self.path = path
        self.content = content
        self.onlyNew = onlyNew
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(path)
        writer.put(content)
        writer.put(onlyNew)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        path = try reader.string()
        content = try reader.string()
        onlyNew = try reader.bool()
    }
}
