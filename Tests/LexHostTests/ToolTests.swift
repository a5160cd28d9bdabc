import LexHost
import Testing

@Suite struct ToolTests {
    @Test func passesInputAndOutputOn() async throws {
        let output = try await Tool("cat").run([], input: "some text")
        #expect(output.status == 0 && output.text == "some text" && output.errors == "")
        #expect(try await Tool("cat").run([]).text == "")
    }

    @Test func aToolThatDoesNotReadItsInputHarmsNothing() async throws {
        let input = String(repeating: "x", count: 1 << 20)
        for _ in 0..<20 {
            #expect(try await Tool("false").run([], input: input).status == 1)
        }
    }

    @Test func saysWhatAToolSaid() async throws {
        let error = await #expect(throws: ToolError.self) {
            try await Tool("sh").check(["-c", "echo first >&2; echo no luck >&2; exit 3"], doing: "do it")
        }
        #expect(error.map { "\($0)" } == "cannot do it: sh ended with 3: first; no luck")
        let missing = await #expect(throws: ToolError.self) {
            try await Tool("/nonexistent/tool").check([], doing: "do it")
        }
        #expect(missing?.status == -1)
    }
}
