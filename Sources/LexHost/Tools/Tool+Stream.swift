package import LexIPC
import Subprocess
import SystemPackage

extension Tool {
    /// Runs it to its end with its standard output going to a descriptor, and tells each line of its standard error as
    /// it comes. When the task is cancelled it is asked to end, so that it can clean up, and killed after ten seconds.
    /// - Parameters:
    ///   - output: Closed here, once the tool has it.
    ///   - line: Is told each line, without its end.
    /// - Returns: What ``run(_:input:)`` gives, without a text; the errors are the last hundred lines.
    package func stream(
        _ arguments: [String], output: consuming OwnedDescriptor, line: @escaping @Sendable (String) -> Void
    ) async throws -> Output {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(10))
        ]
        let result = try await Subprocess.run(
            executable, arguments: Arguments(arguments), environment: subprocessEnvironment,
            platformOptions: options, input: .none,
            output: .fileDescriptor(FileDescriptor(rawValue: output.release()), closeAfterSpawningProcess: true),
            error: .sequence
        ) { execution in
            var last: [String] = []
            for try await text in execution.standardError.strings() {
                last.append(text)
                if last.count > 100 { last.removeFirst() }
                line(text)
            }
            return last
        }
        let errors = result.closureResult.joined(separator: "\n")
        return Output(status: Self.status(result.terminationStatus), text: "", errors: errors)
    }
}
