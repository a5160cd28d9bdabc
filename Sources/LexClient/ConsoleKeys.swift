/// What is typed at a console, and the keys that mean something to the client: Ctrl-a q leaves.
///
/// Ctrl-a twice is one for the instance; before any other key it goes to the instance with that.
public struct ConsoleKeys: Sendable {
    private static let escape: UInt8 = 1
    private var isEscaped = false

    /// Nothing is typed yet.
    public init() {}

    /// Takes what was typed; gives what the instance gets, and whether to leave after that.
    public mutating func take(_ typed: some Sequence<UInt8>) -> (bytes: [UInt8], leaves: Bool) {
        var bytes: [UInt8] = []
        for byte in typed {
            switch (isEscaped, byte) {
            case (false, Self.escape): isEscaped = true
            case (false, _): bytes.append(byte)
            case (true, UInt8(ascii: "q")): return (bytes, true)
            case (true, Self.escape):
                bytes.append(byte)
                isEscaped = false
            case (true, _):
                bytes += [Self.escape, byte]
                isEscaped = false
            }
        }
        return (bytes, false)
    }
}
