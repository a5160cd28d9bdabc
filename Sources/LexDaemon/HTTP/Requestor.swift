import Glibc
import LexAPI

extension Request {
    /// Who asks, as life cycle events tell it.
    var requestor: Event.Requestor {
        Event.Requestor(username: UserNames.name(of: peer.user), protocol: "unix", address: "@")
    }
}

enum UserNames {
    /// The name of a user of the host, or its number where it has none.
    static func name(of user: UInt32) -> String {
        if user == 0 { return "root" }
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16384)
        guard getpwuid_r(user, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name
        else {
            return String(user)
        }
        return String(cString: name)
    }
}
