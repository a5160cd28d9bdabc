import Testing

@testable import lx

/// Which parts of a file that are asked for ahead count.
@Suite struct PartsTests {
    /// Reads bytes as `TreePull` does: eight parts ahead, of a file that gives so many bytes at a time.
    private func read(_ size: Int, chunk: Int, givesAtMost most: Int, isSequential: Bool) -> (bytes: Int, turns: Int) {
        let parts = PartsInOrder(at: 0)
        var (bytes, turns) = (0, 0)
        while !parts.isAtEnd {
            let start = parts.next
            let count = parts.wasShort ? 1 : 8
            parts.beginTurn()
            for index in 0..<count {
                let offset = start + UInt64(index * chunk)
                // A file of /proc says the end where nobody has read up to yet.
                let given = isSequential && offset != parts.next ? 0 : max(0, min(chunk, most, size - Int(offset)))
                if given == 0 {
                    parts.end(at: offset)
                } else if parts.take(given, of: chunk, at: offset) {
                    bytes += given
                }
            }
            turns += 1
            if turns > 10_000 { break }
        }
        return (bytes, turns)
    }

    @Test(arguments: [0, 1, 99, 100, 101, 799, 800, 801, 12_345]) func allOfAFileIsRead(_ size: Int) {
        #expect(read(size, chunk: 100, givesAtMost: 100, isSequential: false).bytes == size)
        #expect(read(size, chunk: 100, givesAtMost: 30, isSequential: false).bytes == size)
        #expect(read(size, chunk: 100, givesAtMost: 30, isSequential: true).bytes == size)
    }

    @Test func aPlainFileTakesFewTurns() {
        #expect(read(8000, chunk: 100, givesAtMost: 100, isSequential: false).turns == 11)
    }
}
