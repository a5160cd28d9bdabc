/// The configuration keys of a storage pool with the driver `overlay`.
public struct OverlayPoolKeys: ConfigKeySet {
    /// What every pool in a directory has.
    public let directory = DirectoryPoolKeys()
    /// All of them.
    public init() {}
}
