import LexAPI
import Testing

@testable import LexClient

@Suite struct PathTests {
    @Test func partsAndQueriesAreEscaped() throws {
        let path = try RequestPath(
            "/1.0/instances/{name}/logs/{file}", ["name": "a/b", "file": "ü&?"], query: ["x": "1&2", "y": nil],
            project: "p")
        #expect(path.text == "/1.0/instances/a%2Fb/logs/%C3%BC%26%3F?x=1%262&project=p")
    }

    @Test func allProjectsAndAProjectExcludeEachOther() throws {
        let path = try RequestPath("/1.0/instances", [:], query: ["all-projects": "true"], project: "p")
        #expect(path.text == "/1.0/instances?all-projects=true")
        #expect(RequestPath(raw: "/1.0/x?project=q", project: "p").text == "/1.0/x?project=q")
        #expect(RequestPath(raw: "/1.0/x?a=b", project: "p").text == "/1.0/x?a=b&project=p")
    }

    @Test func theSocketIsFoundByTheEnvironment() {
        #expect(ServerAddress.local(environment: [:]) == .unix(path: "/var/lib/lexd/unix.socket"))
        #expect(ServerAddress.local(environment: ["LXD_DIR": "/a"]) == .unix(path: "/a/unix.socket"))
        #expect(
            ServerAddress.local(environment: ["LXD_DIR": "/a", "LEXD_DIR": "/b/"]) == .unix(path: "/b/unix.socket"))
        #expect(ServerAddress.local(environment: ["LEXD_DIR": ""]) == .unix(path: "/var/lib/lexd/unix.socket"))
    }

    @Test func progressIsTheFirstKeyThatEndsSo() {
        let operation = Operation(
            id: "", class: "task", description: "", createdAt: .epoch, updatedAt: .epoch, status: .running,
            resources: nil, metadata: ["zz_progress": "z", "fs_progress": "f", "x": "y", "a_progress": ""],
            mayCancel: false, err: "")
        #expect(operation.progressText == "f")
    }
}
