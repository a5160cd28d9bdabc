/// Which release this is.
public enum Release {
    /// The version of lexd and lx.
    public static let version = "0.1.0"
    /// The version of LXD whose API is spoken: what stock clients compare.
    public static let lxdVersion = "5.0.2"
}
