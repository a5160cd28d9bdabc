import Dispatch
import Glibc

/// Signals as a stream of what they mean. While it is there the signals do nothing else to this process.
final class Signals<Meaning: Sendable>: Sendable {
    /// What the signals meant, in the order they came.
    let stream: AsyncStream<Meaning>
    private let continuation: AsyncStream<Meaning>.Continuation
    // Safe because a dispatch source may be cancelled from any thread, and nothing else is done with these.
    nonisolated(unsafe) private let sources: [any DispatchSourceSignal]
    private let numbers: [Int32]

    init(_ numbers: [Int32], meaning: @escaping @Sendable (Int32) -> Meaning?) {
        let (stream, continuation) = AsyncStream.makeStream(of: Meaning.self)
        let queue = DispatchQueue(label: "signals")
        sources = numbers.map { number in
            // The default action would end the process before the source sees the signal.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                if let meaning = meaning(number) { continuation.yield(meaning) }
            }
            source.resume()
            return source
        }
        self.stream = stream
        self.continuation = continuation
        self.numbers = numbers
    }

    /// Gives the signals their usual meaning back and ends the stream.
    func cancel() {
        for source in sources { source.cancel() }
        for number in numbers { signal(number, SIG_DFL) }
        continuation.finish()
    }
}
