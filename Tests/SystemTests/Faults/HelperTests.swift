import Glibc
import LexAPI
import LexClient
import LexHost
import LexTestKit
import Testing

extension SystemTests.Faults {
    /// The helper that starts an instance is killed at a random moment: the start fails with a clear error or has
    /// succeeded, and nothing is left of one that failed.
    @Test func theHelperIsKilledInTheMiddleOfAStart() async throws {
        var generator = SeededGenerator("the helper is killed in the middle of a start")
        try await withDaemon { daemon in
            try await daemon.create("c1")
            #expect(try await daemon.failedStarts(SIGKILL, rounds: 10, &generator) > 0)
            try await daemon.launch("c2")
        }
    }

    /// The helper hangs: after its time it is ended, with a clear error, and nothing is left.
    @Test func theHelperHangsInTheMiddleOfAStart() async throws {
        var generator = SeededGenerator("the helper hangs in the middle of a start")
        var options = DaemonFixture.Options.standard
        options.environment = ["LEXD_PATIENCE": "1"]
        let settings = options
        try await withDaemon(settings) { daemon in
            try await daemon.create("c1")
            #expect(try await daemon.failedStarts(SIGSTOP, rounds: 4, &generator) > 0)
        }
    }

    /// The holder of the consoles stands still: it is replaced, and neither a start nor a stop waits for it for long.
    @Test func theHolderOfTheConsolesStandsStill() async throws {
        var options = DaemonFixture.Options.standard
        options.environment = ["LEXD_PATIENCE": "1"]
        let settings = options
        try await withDaemon(settings) { daemon in
            try await daemon.launch("c1")
            let first = try daemon.holderOfConsoles()
            try first.signal(SIGSTOP)
            try await daemon.launch("c2")
            let second = try daemon.holderOfConsoles()
            #expect(first.hasEnded)
            #expect(second.id != first.id)
            try second.signal(SIGSTOP)
            try await daemon.stop("c2", force: true)
            #expect(second.hasEnded)
            // Its console hung up, and it runs on.
            #expect(try await daemon.shell("c1", "echo here") == "here")
            #expect(try await daemon.disagreements() == [])
        }
    }

    /// The helper hangs, and lexd is killed: the next one does not wait for ever.
    @Test func theHelperHangsAndLexdIsKilled() async throws {
        var options = DaemonFixture.Options.standard
        options.environment = ["LEXD_PATIENCE": "1"]
        let settings = options
        try await withDaemon(settings) { daemon in
            try await daemon.create("c1")
            let start = Task { try await daemon.changeState("c1", "start", timeout: -1) }
            let helper = try await daemon.helper(starting: "c1")
            try helper.signal(SIGSTOP)
            try await daemon.kill()
            _ = await start.result
            try await daemon.start()
            #expect(try await daemon.disagreements() == [])
            if try await daemon.instance("c1").status == "Stopped" { try await daemon.start("c1") }
            #expect(try await daemon.shell("c1", "echo here") == "here")
        }
    }
}

extension DaemonFixture {
    /// The holder of this daemon's consoles that runs at this moment.
    fileprivate func holderOfConsoles() throws -> RunningProcess {
        let title = "consoles /run/\(tag)/"
        let found = try RunningProcess.all().lazy.compactMap { try? RunningProcess($0) }
            .first { !$0.hasEnded && $0.arguments?.contains { $0.hasPrefix(title) } == true }
        return try #require(found)
    }

    /// The helper that starts an instance, as soon as there is one.
    fileprivate func helper(starting name: String) async throws -> RunningProcess {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            for id in try RunningProcess.all().reversed() {
                guard let process = try? RunningProcess(id), let arguments = process.arguments,
                    arguments == ["\(Self.programs)/lexd-runtime", "start \(name)"]
                else { continue }
                return process
            }
            // Without a pause: it works for a few hundredths of a second only.
            guard ContinuousClock.now < deadline else { throw NotInTime("a helper", .seconds(20)) }
        }
    }

    /// Sends the helper of so many starts of `c1` a signal, each at a random part of the usual time. Answers how many
    /// starts failed.
    fileprivate func failedStarts(
        _ signal: Int32, rounds: Int, _ generator: inout SeededGenerator
    ) async throws -> Int {
        let usual = try await timeOfHelper()
        var failures = 0
        for round in 1...rounds {
            let moment = usual * Double.random(in: 0...1, using: &generator)
            failures += try await signalHelper(signal, after: moment, round) ? 1 : 0
        }
        return failures
    }

    /// How long the helper works at a start that nothing disturbs, once everything is warm.
    fileprivate func timeOfHelper() async throws -> Duration {
        var time = Duration.zero
        for _ in 0..<2 {
            let start = Task { try await changeState("c1", "start", timeout: -1) }
            let helper = try await helper(starting: "c1")
            let begin = ContinuousClock.now
            try await helper.ended()
            time = begin.duration(to: .now)
            try await start.value
            try await stop("c1", force: true)
        }
        return time
    }

    /// Sends the helper of a start a signal; answers whether the start failed. Either way the instance is stopped
    /// afterwards, and can be started.
    fileprivate func signalHelper(_ number: Int32, after moment: Duration, _ round: Int) async throws -> Bool {
        let start = Task { try await changeState("c1", "start", timeout: -1) }
        let helper = try await helper(starting: "c1")
        // To choose the moment; nothing is waited for by this.
        try await Task.sleep(for: moment)
        try helper.signal(number)
        let outcome = await start.result
        let found = try await disagreements()
        #expect(found == [], "round \(round), after \(moment), which ended with \(outcome)")
        switch outcome {
        case .success:
            #expect(try await shell("c1", "echo here") == "here")
            try await stop("c1", force: true)
            // One that had answered and was then stopped is of no more use.
            try helper.signal(SIGKILL)
            return false
        case .failure(let error):
            #expect("\(error)".contains("cannot start instance \"c1\": lexd-runtime was "), "\(error)")
            #expect(try await instance("c1").status == "Stopped")
            try await self.start("c1")
            try await stop("c1", force: true)
            return true
        }
    }
}
