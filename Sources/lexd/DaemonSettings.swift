import Glibc
import LexClient
import LexDaemon

/// What the environment says: `LEXD_DIR`, for builds that are not installed `LEXD_HELPERS` and `LEXD_RECIPES`, and for
/// tests `LEXD_PATIENCE` and `LEXD_LXCFS`.
struct DaemonSettings {
    static let standardDirectory = DaemonPaths.standard

    let directory = Self.variable("LEXD_DIR") ?? standardDirectory
    /// Where `lexd-runtime` and `lexd-archive` lie.
    let helpers = Self.variable("LEXD_HELPERS") ?? Self.ownDirectory ?? "\(Self.prefix)/libexec/lexd"
    /// `LEXD_PATIENCE`: the seconds after which a helper that has not answered is ended.
    let patience = Self.variable("LEXD_PATIENCE").flatMap { Int64($0) }.map { Duration.seconds(max(1, $0)) }
    /// Where the recipes of image templates lie.
    let recipes = Self.variable("LEXD_RECIPES") ?? Self.foundRecipes ?? "\(Self.prefix)/share/lexd/recipes"
    /// `LEXD_MIRROR`: the URL of a package archive to build templates from, in place of the distribution's own.
    let mirror = Self.variable("LEXD_MIRROR")

    /// `LEXD_LXCFS`: where lxcfs is mounted, for one that is not the machine's.
    private let lxcfs = Self.variable("LEXD_LXCFS")

    var paths: DaemonPaths {
        var paths = DaemonPaths(directory: directory)
        if let lxcfs { paths.lxcfs = lxcfs }
        return paths
    }
    /// The socket of this daemon.
    var address: ServerAddress { .unix(path: paths.socket) }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        return value
    }

    /// The directory of the running program, when the helpers lie there too: a build that is not installed.
    private static var ownDirectory: String? {
        guard let directory = programDirectory, access("\(directory)/lexd-runtime", X_OK) == 0 else { return nil }
        return directory
    }

    /// The recipes of the source tree a build lies in: `.build/release/lexd` is three directories below.
    private static var foundRecipes: String? {
        guard var directory = programDirectory else { return nil }
        for _ in 0..<5 {
            if access("\(directory)/Recipes/debian", F_OK) == 0 { return "\(directory)/Recipes" }
            guard let slash = directory.lastIndex(of: "/"), slash != directory.startIndex else { return nil }
            directory = String(directory[..<slash])
        }
        return nil
    }

    /// Where lexd is installed: `/usr`, or `/usr/local` for `/usr/local/sbin/lexd`.
    private static var prefix: String {
        guard let directory = programDirectory, directory.hasSuffix("/sbin") else { return "/usr" }
        return String(directory.dropLast("/sbin".count))
    }

    private static var programDirectory: String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { return nil }
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) }
    }
}
