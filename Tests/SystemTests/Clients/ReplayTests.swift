import LexAPI
import LexClient
import LexHost
import LexTestKit
import Testing

extension SystemTests {
    /// A person who knows the stock client finds the same words and the same answers in lx.
    @Suite struct Replay {
        @Test func bothClientsSayTheSame() async throws {
            let script = try ReplayScript.load()
            #expect(script.count >= 150)
            async let stock = Self.run(.lxc, script)
            async let ours = Self.run(.lx, script)
            for ((line, stock), ours) in zip(zip(script, try await stock), try await ours) {
                let found = stock.differences(from: ours)
                let fails = stock.status != 0
                #expect(
                    found == Set(line.meant.keys) && (found == [.status] || fails == line.fails),
                    """
                    [\(line.scenario)] \(line.text)
                    lxc ends with \(stock.status):
                    \(stock.output)\(stock.errors)
                    lx ends with \(ours.status):
                    \(ours.output)\(ours.errors)
                    """)
            }
        }

        private static func run(_ client: ClientProgram, _ script: [ReplayLine]) async throws -> [ReplayAnswer] {
            try await withDaemon { daemon in
                let stage = try await ReplayStage(daemon, client)
                var answers: [ReplayAnswer] = []
                for line in script { answers.append(try await stage.answer(line)) }
                return answers
            }
        }
    }
}

/// A daemon, a client, and the names that are others with every daemon.
private struct ReplayStage {
    private let program: Program
    private let names: [String: String]

    init(_ daemon: DaemonFixture, _ client: ClientProgram) async throws {
        program = daemon.program(client)
        // The stock client cannot add to a list of aliases that is not there.
        try replaceFile(daemon.path("home/.config/lxc/config.yml"), "default-remote: local\naliases: {}\n".utf8)
        let image = try daemon.file("image.tar", try await BusyboxImage.standard())
        let images = try await daemon.client.call(
            API.images.list, as: [Image].self, query: ["recursion": "1"])
        names = [
            "IMAGE": image, "NETWORK": try await daemon.network(), "WORK": daemon.work,
            "FINGERPRINT": images.first?.fingerprint ?? "",
        ]
    }

    func answer(_ line: ReplayLine) async throws -> ReplayAnswer {
        let words = line.words.map { word in
            names.reduce(word) { $0.replacing("${\($1.key)}", with: $1.value) }
        }
        let output = try await program.run(words, input: line.input.map { .text($0) } ?? .nothing)
        var text = output.text
        if let only = line.only {
            let only = names.reduce(only) { $0.replacing("${\($1.key)}", with: $1.value) }
            text = text.split(separator: "\n").filter { $0.contains(only) }.joined(separator: "\n")
        }
        // Of an error the first line: behind it there are hints.
        let sentence = output.errors.drop { $0.isNewline }.prefix { !$0.isNewline }
        return ReplayAnswer(status: output.status, output: masked(text), errors: masked(String(sentence)))
    }

    /// What differs from daemon to daemon and from moment to moment gets a name; lx gets that of the stock client.
    private func masked(_ text: String) -> String {
        var text = names.sorted { $0.value.count > $1.value.count }
            .reduce(text) { $1.value.isEmpty ? $0 : $0.replacing($1.value, with: "${\($1.key)}") }
        // The stock client shows progress even where nobody looks, each time over the last, and leaves empty lines.
        text = text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.contains("\r") && !$0.allSatisfy { $0 == " " } && !$0.contains("%") }
            .joined(separator: "\n")
        text = text.replacing(/\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)/, with: "TIME")
        text = text.replacing(/\d{4}\/\d\d\/\d\d \d\d:\d\d UTC/, with: "TIME")
        text = text.replacing(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/, with: "UUID")
        text = text.replacing(/10\.\d+\.\d+\.\d+/, with: "IPV4").replacing(/fd[0-9a-f]{2}:[0-9a-f:]+/, with: "IPV6")
        text = text.replacing(/00:16:3e:[0-9a-f:]+/, with: "MAC")
        // The ids that an instance was given on the host.
        text = text.replacing(/\b\d{7,10}\b/, with: "NUMBER")
        return text.replacing(/\blxc\b/, with: "lx")
    }
}

/// How a client ended, without what is another every time.
private struct ReplayAnswer: Sendable {
    let status: Int32
    let output: String
    let errors: String

    func differences(from other: ReplayAnswer) -> Set<ReplayLine.Difference> {
        if status != other.status { return [.status] }
        if status == 0 { return output == other.output ? [] : [.output] }
        return errors == other.errors ? [] : [.errors]
    }
}
