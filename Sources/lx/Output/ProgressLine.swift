import Glibc
import Synchronization

/// One line on the terminal that shows that something is under way, drawn again a few times a second, and gone when it
/// is over. Where standard error is no terminal there is no line.
final class ProgressLine: Sendable {
    private let title: String
    private let began = ContinuousClock.now
    private let detail = Mutex("")

    private init(_ title: String) {
        self.title = title
    }

    /// Shows the line while the body runs.
    static func during<Result: Sendable>(
        _ title: String, quiet: Bool, _ body: (ProgressLine) async throws -> Result
    ) async throws -> Result {
        let line = ProgressLine(title)
        guard !quiet, Terminal.isTerminal(2) else { return try await body(line) }
        async let _: Void = line.draw()
        // Leaving this scope cancels the drawing and waits until the line is gone.
        return try await body(line)
    }

    /// Shows this behind the title: how far it is, as the server or the transfer says.
    func set(_ text: String) { detail.withLock { $0 = text } }

    private func draw() async {
        var frame = 0
        var drawn = false
        // What is done in a moment shows no line at all: it would only flicker.
        try? await Task.sleep(for: .milliseconds(300))
        while !Task.isCancelled {
            let width = Terminal.size(2)?.width ?? 80
            let text = Self.text(
                frame: frame, elapsed: began.duration(to: .now), title: title, detail: detail.withLock { $0 },
                width: width)
            StandardError.write("\r\(text)\u{1b}[K")
            drawn = true
            frame += 1
            try? await Task.sleep(for: .milliseconds(200))
        }
        if drawn { StandardError.write("\r\u{1b}[K") }
    }

    /// `/ Creating web: rootfs 42% (12.3MB/s)  7s`, cut to the terminal's width, so that it stays on one line.
    static func text(frame: Int, elapsed: Duration, title: String, detail: String, width: Int) -> String {
        let wheel = ["|", "/", "-", "\\"]
        // The server's own words may hold anything; a line break would leave the line behind.
        let clean = String(detail.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }.map { Character($0) })
        let line = "\(wheel[frame % wheel.count]) \(title)\(clean.isEmpty ? "" : ": \(clean)")"
        let time = "  \(elapsed.components.seconds)s"
        var kept = ""
        var room = max(0, width - 1 - time.count)
        for character in line {
            let needed = TextWidth.of(String(character))
            guard needed <= room else { break }
            kept.append(character)
            room -= needed
        }
        return kept + time
    }
}
