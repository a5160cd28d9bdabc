/// Why an archive could not be read or made. Each case is another thing for lexd to answer.
package enum ArchiveError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The archive breaks a rule; the sentence is meant for whoever sent it (400).
    case refused(String)
    /// The pool, or the directory an image is made in, is full.
    case noSpace(String)
    /// The helper needed more memory than it may have.
    case memoryLimit(UInt64)
    /// It needed more processor time than it may have.
    case processorLimit(Duration)
    /// It took longer than it may.
    case timeLimit(Duration)
    /// It made a system call it has no reason to make, and the kernel ended it: somebody was in control of it.
    case forbiddenCall
    /// It ended without an answer; what it wrote last is in the text.
    case crashed(status: Int32, String)
    /// It answered with something no answer is, or left something in the target that does not belong there.
    case untrustworthy(String)
    /// A call failed.
    case failed(String)

    package var description: String {
        switch self {
        case .refused(let sentence): return sentence
        case .noSpace(let what): return "\(what): there is no room left. Free some, or use another storage pool"
        case .memoryLimit(let bytes):
            return
                "the archive needs more than \(bytes >> 20) MiB of memory to be read. Pack it with a weaker compression"
        case .processorLimit(let time):
            return "reading the archive took more than \(time.components.seconds) seconds of processor time"
        case .timeLimit(let time): return "the archive was not read within \(time.components.seconds) seconds"
        case .forbiddenCall:
            return
                "the program that reads archives was ended by the kernel for a call it never makes. Do not trust this "
                + "archive; please report it"
        case .crashed(let status, let words):
            return "the program that reads archives ended with \(status)\(words.isEmpty ? "" : ": \(words)")"
        case .untrustworthy(let what):
            return "the program that reads archives \(what). Do not trust this archive; please report it"
        case .failed(let what): return what
        }
    }
}
