import Glibc
import LexAPI
import LexHost
import LexIPC
import LexStore

/// The one place where an error of any layer becomes an answer.
enum ErrorAnswers {
    static func apiError(_ error: any Error) -> APIError {
        switch error {
        case let error as APIError: error
        case let error as CommitError:
            switch error {
            case .conflict: .conflict("\(error). Read it again and repeat the change")
            case .refused: .badRequest("\(error)")
            case .noSpace, .unavailable: .failed("\(error)")
            }
        case is CancellationError: .unavailable("The request was cancelled")
        case let error as SystemError where error.code == ENOSPC || error.code == EDQUOT:
            .failed("\(error). Free some space there and try again")
        default: .failed("\(error)")
        }
    }
}
