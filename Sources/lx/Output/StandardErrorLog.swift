import Logging

/// Log lines on standard error, for `--verbose` and `--debug`.
struct StandardErrorLog: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    /// A logger as wanted; one that does nothing when nothing is wanted.
    static func logger(_ options: GlobalOptions) -> Logger {
        guard options.debug || options.verbose else {
            return Logger(label: "lx", factory: { _ in SwiftLogNoOpLogHandler() })
        }
        let level: Logger.Level = options.debug ? .debug : .info
        return Logger(label: "lx", factory: { _ in StandardErrorLog(logLevel: level) })
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let facts = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let text = facts.map { " \($0.key)=\($0.value)" }.joined()
        StandardError.line("\(event.level.rawValue.uppercased()): \(event.message)\(text)")
    }
}
