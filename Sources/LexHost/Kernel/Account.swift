import Glibc

/// A user of the host.
package struct Account: Sendable, Equatable {
    /// The name.
    package let name: String
    /// The user's number.
    package let user: UInt32
    /// The number of its own group.
    package let group: UInt32
    /// The name of its own group.
    package let groupName: String

    /// A user with these numbers.
    package init(name: String, user: UInt32, group: UInt32, groupName: String) {
        self.name = name
        self.user = user
        self.group = group
        self.groupName = groupName
    }

    /// Looks a user up by name; nil when there is none. May ask a directory server: call from ``blocking(_:)``.
    package init?(named name: String) {
        var record = passwd()
        var buffer = [CChar](repeating: 0, count: 16384)
        var found: UnsafeMutablePointer<passwd>?
        guard getpwnam_r(name, &record, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        var groupRecord = Glibc.group()
        var groupBuffer = [CChar](repeating: 0, count: 16384)
        var foundGroup: UnsafeMutablePointer<Glibc.group>?
        guard getgrgid_r(record.pw_gid, &groupRecord, &groupBuffer, groupBuffer.count, &foundGroup) == 0,
            foundGroup != nil, let groupName = groupRecord.gr_name
        else { return nil }
        self.name = name
        user = record.pw_uid
        group = record.pw_gid
        self.groupName = String(cString: groupName)
    }
}
