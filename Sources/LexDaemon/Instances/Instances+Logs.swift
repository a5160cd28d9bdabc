import Glibc
import LexAPI
import LexHost
import LexInstance

extension Instances {
    /// The names of an instance's log files. liblxc's is always among them, as in LXD, if only as an empty one.
    func logs(_ record: InstanceRecord) async throws -> [String] {
        let directory = host.paths(of: record.key).logs
        let found = try await blocking { ((try? directoryNames(directory)) ?? []).filter(Self.isLog) }
        return Set(found).union([Self.lxcLog]).sorted()
    }

    /// A log file as an answer.
    func log(_ record: InstanceRecord, _ name: String, requestor: Event.Requestor?) async throws -> Answer {
        try Self.checkLogName(name)
        let answer: Answer
        do {
            answer = try await FileAnswer.make("\(host.paths(of: record.key).logs)/\(name)", filename: name)
        } catch let error as APIError where error.status == 404 && name == Self.lxcLog {
            answer = FileAnswer.make([], filename: name)
        }
        logEvent("instance-log-retrieved", record, name, requestor)
        return answer
    }

    private func logEvent(
        _ action: String, _ record: InstanceRecord, _ name: String, _ requestor: Event.Requestor?
    ) {
        events.lifecycle(
            action, source: "/1.0/instances/\(record.name)/logs/\(name)", requestor: requestor, project: record.project)
    }

    /// Removes the recorded output of a command.
    func deleteLog(_ record: InstanceRecord, _ name: String, requestor: Event.Requestor?) async throws {
        try Self.checkLogName(name)
        guard name.hasPrefix("exec_") else {
            throw APIError.badRequest(
                "\(name) may not be deleted: only the recorded output of commands can be. To forget what was said on "
                    + "the console: DELETE /1.0/instances/\(record.name)/console")
        }
        let path = "\(host.paths(of: record.key).logs)/\(name)"
        try await blocking {
            guard unlink(path) == 0 else { throw APIError.notFound("not found") }
        }
        logEvent("instance-log-deleted", record, name, requestor)
    }

    private static let lxcLog = "lxc.log"

    /// Plain names of the files lexd and liblxc write, and nothing else: the name comes from a request.
    private static func checkLogName(_ name: String) throws(APIError) {
        guard isLog(name) else { throw .badRequest("log file name \(name.prefix(64)) not valid") }
    }

    private static func isLog(_ name: String) -> Bool {
        if [lxcLog, "lxc.conf", "console.log"].contains(name) { return true }
        guard name.hasPrefix("exec_"), name.hasSuffix(".stdout") || name.hasSuffix(".stderr") else { return false }
        return name.utf8.count <= 64
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || "_-.".utf8.contains($0)
            }
    }
}
