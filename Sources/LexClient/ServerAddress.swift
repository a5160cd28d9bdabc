/// Where a server is reached. Only the Unix socket of this machine yet; a TLS address will be a second case.
public enum ServerAddress: Sendable, Equatable {
    /// The path of a Unix socket.
    case unix(path: String)

    /// The socket of the server on this machine: in the directory `LEXD_DIR` names, else in the one `LXD_DIR` names
    /// (so that settings made for the stock client go on working), else lexd's own.
    public static func local(environment: [String: String]) -> ServerAddress {
        for variable in ["LEXD_DIR", "LXD_DIR"] {
            if let directory = environment[variable], !directory.isEmpty {
                return .unix(path: directory + (directory.hasSuffix("/") ? "" : "/") + "unix.socket")
            }
        }
        return .unix(path: "/var/lib/lexd/unix.socket")
    }

    /// The beginning of every URL for AsyncHTTPClient, which takes a socket's path as the host.
    var baseURL: String {
        switch self {
        case .unix(let path): "http+unix://" + path.percentEncoded(keepingSlashes: false)
        }
    }
}
