import Glibc

/// Random numbers that can be had again: the seed is printed, and taken from `LEXD_TEST_SEED` when that is set.
///
/// The numbers are those of SplitMix64 (https://prng.di.unimi.it/splitmix64.c).
package struct SeededGenerator: RandomNumberGenerator {
    /// What the numbers follow from.
    package let seed: UInt64
    private var state: UInt64

    /// - Parameter what: What it is for, printed with the seed.
    package init(_ what: String) {
        seed = getenv("LEXD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? .random(in: 1...999_999_999)
        state = seed
        print("\(what): LEXD_TEST_SEED=\(seed)")
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
