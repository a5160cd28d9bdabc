import Glibc
import LexAPI

extension Signals where Meaning == Instance.ExecControl {
    /// Turns the signals this process gets into messages for the command it stands for.
    ///
    /// All of them go to the command, also those that would stop this process: then the command stops, and this
    /// process waits for it. A change of the window's size becomes the terminal's new size.
    static func forExec(interactive: Bool) -> Signals {
        let forwarded = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT]
        return Signals(forwarded + (interactive ? [SIGWINCH] : [])) { number in
            guard number == SIGWINCH else { return .signal(Int(number)) }
            guard let size = Terminal.size(1) ?? Terminal.size(0) else { return nil }
            return .resize(width: size.width, height: size.height)
        }
    }
}
