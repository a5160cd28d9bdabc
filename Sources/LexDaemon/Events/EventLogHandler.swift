import LexAPI
import Logging

/// Hands log lines on to whoever follows the events, beside the handler that writes them down.
struct EventLogHandler: LogHandler {
    private var written: any LogHandler
    private let writtenLevel: Logger.Level
    private let events: Events

    /// Everything from `debug` on is offered to listeners; `written` keeps its own level.
    init(_ written: any LogHandler, events: Events) {
        self.written = written
        writtenLevel = written.logLevel
        self.events = events
    }

    var metadata: Logger.Metadata {
        get { written.metadata }
        set { written.metadata = newValue }
    }
    var metadataProvider: Logger.MetadataProvider? {
        get { written.metadataProvider }
        set { written.metadataProvider = newValue }
    }
    var logLevel: Logger.Level {
        get { min(writtenLevel, .debug) }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { written[metadataKey: key] }
        set { written[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        if event.level >= writtenLevel { written.log(event: event) }
        guard events.isHeard("logging") else { return }
        var context: [String: String] = [:]
        for (key, value) in metadata { context[key] = "\(value)" }
        for (key, value) in event.metadata ?? [:] { context[key] = "\(value)" }
        events.logging(Event.Logging(message: event.message.description, level: name(event.level), context: context))
    }

    // The names `lxc monitor --pretty` knows.
    private func name(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warning"
        case .error, .critical: "error"
        }
    }
}
