package import LexAPI
package import LexIPC

/// Why an instance did not start, in one sentence with the remedy.
package enum StartFailure {
    /// Makes the sentence from what the helper said and what liblxc wrote.
    package static func explain(_ failure: RuntimeFailure, name: String) -> APIError {
        let detail = failure.detail
        func answer(_ why: String) -> APIError { .failed("cannot start instance \"\(name)\": \(why)") }
        if detail.contains("Exec format error") {
            return answer("its programs are for another processor than this machine's. Choose an image for this one")
        }
        if let program = quoted(in: line(of: detail, with: "Failed to exec \"")) {
            return answer(
                "it has no program \(program) that can be run. "
                    + (program == "/sbin/init"
                        ? "Its image is empty or not a whole system; make it from another image"
                        : "Its raw.lxc names it as its init"))
        }
        if detail == "its init ended at once" {
            return answer("\(detail). What it said is seen by: lx console \(name) --show-log")
        }
        if failure.call == "lock" || failure.call == "mount the overlay on"
            || failure.call == "map the ids of" && detail.isEmpty
        {
            return answer(
                "\(SystemError(failure.call, failure.subject, code: failure.code)). lexd needs Linux 5.19 or newer with "
                    + "overlayfs and idmapped mounts on the pool's file system")
        }
        if detail.contains("newuidmap") || detail.contains("newgidmap") {
            return answer(
                "the host does not let root give away one of its ids: \(firstLine(detail)). With the package uidmap each id "
                    + "of raw.idmap needs a line for root in /etc/subuid and /etc/subgid, such as root:1000:1")
        }
        if detail.contains("No space left on device") {
            return answer("a file system of the host or its cgroups are full. Free some space and start it again")
        }
        if let mount = line(of: detail, with: "Not a directory - Failed to mount") {
            return answer(
                "one of its disks is a file, and a directory is there inside the instance, or the other way round: "
                    + "\(mount). Choose another path for it")
        }
        if let mount = line(of: detail, with: "Failed to mount") {
            return answer("one of its mounts was refused: \(mount)")
        }
        if failure.code != 0 { return answer("\(failure)") }
        if detail.isEmpty { return answer("\(failure)") }
        if detail.hasPrefix("lexd-runtime ") { return answer("\(detail). Start it again") }
        return answer("\(firstLine(detail)). liblxc's whole log is in its log directory: lxc.log")
    }

    private static func line(of detail: String, with words: String) -> String? {
        detail.split(separator: "\n").first { $0.contains(words) }.map(String.init)
    }

    /// What stands between the first pair of quotes.
    private static func quoted(in line: String?) -> String? {
        let parts = (line ?? "").split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: false)
        return parts.count == 3 ? String(parts[1]) : nil
    }

    private static func firstLine(_ text: String) -> String {
        // The first error is the cause; what follows is its echo through the layers above.
        String(text.split(separator: "\n").first ?? "liblxc did not say why")
    }
}
