/// The order a person puts names in: numbers inside them count as numbers.
enum NaturalOrder {
    static func isLess(_ left: String, _ right: String) -> Bool {
        var left = Array(left.utf8)[...]
        var right = Array(right.utf8)[...]
        while let a = left.first, let b = right.first {
            if isDigit(a), isDigit(b) {
                let x = number(&left)
                let y = number(&right)
                if x.value.count != y.value.count { return x.value.count < y.value.count }
                if x.value != y.value { return x.value.lexicographicallyPrecedes(y.value) }
                // Equal numbers: the one with fewer zeros before it first.
                if x.zeros != y.zeros { return x.zeros < y.zeros }
            } else if a != b {
                return a < b
            } else {
                left = left.dropFirst()
                right = right.dropFirst()
            }
        }
        return left.isEmpty && !right.isEmpty
    }

    private static func number(_ text: inout ArraySlice<UInt8>) -> (zeros: Int, value: ArraySlice<UInt8>) {
        let zeros = text.prefix { $0 == UInt8(ascii: "0") }.count
        text = text.dropFirst(zeros)
        let value = text.prefix(while: isDigit)
        text = text.dropFirst(value.count)
        return (zeros, value)
    }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
