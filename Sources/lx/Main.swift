import ArgumentParser
import Glibc
import LexClient

/// What a person types.
@main enum Main {
    static func main() async {
        // NIO and the terminal would otherwise end the process when `lx list | head` has seen enough; the write's
        // error says it, too.
        signal(SIGPIPE, SIG_IGN)
        Terminal.holdStandardDescriptors()
        let code = await run(Array(CommandLine.arguments.dropFirst()))
        exit(code)
    }

    /// Runs one command and gives the exit code: 0, 1 for every error, or what a command in an instance returned.
    static func run(_ arguments: [String]) async -> Int32 {
        do {
            // What a shell asks for while somebody types: no alias of theirs is meant by it.
            let completes = arguments.first == "---completion"
            var command = completes ? try await LX.asyncParseAsRoot(arguments) : try parsed(expanded(arguments))
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch let code as ExitCode {
            return code.rawValue
        } catch let help as WholeHelp {
            try? StandardOutput.line(help.text)
            return 0
        } catch ClientError.nobodyReads {
            // What a shell says of a program that the closed pipe has ended.
            return 128 + SIGPIPE
        } catch {
            return report(error)
        }
    }

    private static func expanded(_ words: [String]) throws -> [String] {
        switch Aliases.expand(words, own: try ClientConfiguration.load().aliases) {
        case nil: words
        case .words(let others): others
        case .program(let program, let arguments): try Aliases.become(program, arguments)
        }
    }

    /// The command that the words make.
    static func parsed(_ words: [String]) throws -> any ParsableCommand {
        let arguments = Arguments(words)
        do {
            return try LX.parseAsRoot(arguments.normalised())
        } catch  where LX.exitCode(for: error) == .validationFailure {
            // Words in a form that only the stock client takes, or a mistake, for which there is a clearer word.
            return try LX.parseAsRoot(arguments.exact())
        }
    }

    private static func report(_ error: any Error) -> Int32 {
        if LX.exitCode(for: error) == .success {
            // Help and versions come as errors.
            try? StandardOutput.line(HelpText.withWholeValues(LX.fullMessage(for: error)))
            return 0
        }
        // Mistakes in the words end with how the command is used; a failed command speaks for itself.
        let text = LX.exitCode(for: error) == .validationFailure ? LX.fullMessage(for: error) : "Error: \(error)"
        StandardError.line(text.hasPrefix("Error: ") ? text : "Error: \(text)")
        return 1
    }
}
