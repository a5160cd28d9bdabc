import LexClient
import Testing

@Suite struct ConsoleKeysTests {
    private func take(_ typed: [[UInt8]]) -> (bytes: [UInt8], leaves: Bool) {
        var keys = ConsoleKeys()
        var bytes: [UInt8] = []
        for part in typed {
            let taken = keys.take(part)
            bytes += taken.bytes
            if taken.leaves { return (bytes, true) }
        }
        return (bytes, false)
    }

    @Test(
        arguments: [
            ([[97, 98]], [97, 98], false),
            ([[97, 1, 113, 98]], [97], true),
            // The two keys come one by one, as from a person.
            ([[97], [1], [113], [98]], [97], true),
            ([[113]], [113], false),
            ([[1, 1, 113]], [1, 113], false),
            ([[1], [1], [1], [113]], [1], true),
            ([[1, 98, 113]], [1, 98, 113], false),
            ([[1]], [], false),
        ] as [([[UInt8]], [UInt8], Bool)])
    func whatTheInstanceGets(_ typed: [[UInt8]], _ bytes: [UInt8], _ leaves: Bool) {
        let taken = take(typed)
        #expect(taken.bytes == bytes && taken.leaves == leaves)
    }
}
