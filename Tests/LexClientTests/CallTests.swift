import LexAPI
import LexClient
import Testing

/// Answers as a server sends them.
enum Wire {
    static func envelope(_ metadata: String, type: String = "sync", operation: String = "") -> String {
        #"{"type":"\#(type)","status":"Success","status_code":200,"operation":"\#(operation)","error_code":0,"#
            + #""error":"","metadata":\#(metadata)}"#
    }

    static func operation(_ status: StatusCode, err: String = "", metadata: String = "null") -> String {
        #"{"id":"u-1","class":"task","description":"Testing","created_at":"2026-11-23T07:31:51Z","#
            + #""updated_at":"2026-11-23T07:31:51Z","status":"\#(status.name)","status_code":\#(status.rawValue),"#
            + #""resources":null,"metadata":\#(metadata),"may_cancel":false,"err":"\#(err)","location":"none"}"#
    }

    static let begun = envelope(operation(.running), type: "async", operation: "/1.0/operations/u-1")
}

/// A client that is closed whatever happens.
@discardableResult
func withClient<Result>(
    _ server: FakeServer, project: String? = nil, _ body: (Client) async throws -> Result
) async throws -> Result {
    let client = Client(.unix(path: server.path), project: project)
    do {
        let result = try await body(client)
        try await client.close()
        return result
    } catch {
        try? await client.close()
        throw error
    }
}

@Suite struct CallTests {
    @Test func aCallFillsThePathAndReadsTheReply() async throws {
        let profile = #"{"config":{"user.a":"1"},"description":"","devices":{},"name":"a b","used_by":[]}"#
        try await FakeServer.running({ _ in
            .json(Wire.envelope(profile), headers: [("ETag", "\"abc\"")])
        }) { server in
            try await withClient(server, project: "p/q") { client in
                let answer = try await client.answer(API.profiles.get, path: ["name": "a b"], query: ["recursion": "1"])
                #expect(answer.reply.config == ["user.a": "1"])
                #expect(answer.etag == "\"abc\"")
            }
            #expect(server.requests.first?.path == "/1.0/profiles/a%20b?recursion=1&project=p%2Fq")
            #expect(server.requests.first?.method == "GET")
        }
    }

    @Test func aBodyIsSentAsJSONWithIfMatch() async throws {
        try await FakeServer.running({ _ in .json(Wire.envelope("{}")) }) { server in
            try await withClient(server) { client in
                try await client.call(
                    API.profiles.update, path: ["name": "x"], body: .init(description: "d", config: [:], devices: nil),
                    ifMatch: "\"abc\"")
            }
            let request = try #require(server.requests.first)
            #expect(request.method == "PUT")
            #expect(request.headers["if-match"] == "\"abc\"")
            #expect(request.text == #"{"config":{},"description":"d","devices":null}"#)
        }
    }

    @Test func aRefusalIsThrownWithTheServersWords() async throws {
        let body = #"{"error":"Instance not found","error_code":404,"type":"error"}"#
        try await FakeServer.running({ _ in .json(body, status: 404) }) { server in
            try await withClient(server) { client in
                await #expect(throws: APIError(status: 404, "Instance not found")) {
                    try await client.call(API.instances.get, path: ["name": "web"])
                }
            }
        }
    }

    @Test(arguments: ["{}", "null", "[]"]) func nothingHasManyShapes(_ nothing: String) async throws {
        try await FakeServer.running({ _ in .json(Wire.envelope(nothing)) }) { server in
            _ = try await withClient(server) { try await $0.call(API.profiles.delete, path: ["name": "x"]) }
        }
    }

    @Test func nonsenseIsNamedAsSuch() async throws {
        try await FakeServer.running({ _ in .json("<html>", status: 502) }) { server in
            try await withClient(server) { client in
                let error = await #expect(throws: ClientError.self) { try await client.call(API.server.get) }
                #expect(error?.description.contains("502") == true)
            }
        }
    }

    @Test func anEmptyNameIsRefusedBeforeItBecomesAList() async throws {
        let client = Client(.unix(path: "/nonexistent"))
        await #expect(throws: ClientError.self) { try await client.call(API.instances.delete, path: ["name": ""]) }
        try await client.close()
    }

    @Test func aMissingSocketIsSaidWithoutTryingAgain() async throws {
        let client = Client(.unix(path: "/nonexistent/unix.socket"))
        let error = await #expect(throws: ClientError.self) { try await client.call(API.server.get) }
        // After trying again for a while it would be a time-out.
        guard case .unreachable(.unix("/nonexistent/unix.socket"), _) = error else {
            Issue.record("got \(String(describing: error))")
            return
        }
        try await client.close()
    }

    @Test func runWaitsForTheOperation() async throws {
        let done = Wire.envelope(Wire.operation(.success, metadata: #"{"fingerprint":"f00"}"#))
        try await FakeServer.running({ request in
            request.method == "DELETE" ? .json(Wire.begun, status: 202) : .json(done)
        }) { server in
            try await withClient(server) { client in
                let end = try await client.run(API.instances.delete, path: ["name": "web"])
                #expect(end?.metadata?["fingerprint"] == "f00")
            }
            #expect(server.requests.map(\.path) == ["/1.0/instances/web", "/1.0/operations/u-1/wait?timeout=-1"])
        }
    }

    @Test func runTakesAnAnswerWithoutOperation() async throws {
        try await FakeServer.running({ _ in .json(Wire.envelope("{}")) }) { server in
            try await withClient(server) { client in
                let end = try await client.run(API.instances.delete, path: ["name": "web"])
                #expect(end == nil)
            }
        }
    }

    @Test func aFailedOperationIsThrownWithItsReason() async throws {
        let failed = Wire.envelope(Wire.operation(.failure, err: "Disk full"))
        try await FakeServer.running({ request in
            request.method == "DELETE" ? .json(Wire.begun, status: 202) : .json(failed)
        }) { server in
            try await withClient(server) { client in
                let error = await #expect(throws: OperationFailure.self) {
                    try await client.run(API.instances.delete, path: ["name": "web"])
                }
                #expect(error?.description == "Disk full")
            }
        }
    }

    @Test func progressIsToldWhileTheOperationRuns() async throws {
        let running = Wire.envelope(Wire.operation(.running, metadata: #"{"download_progress":"42% (1MB/s)"}"#))
        let done = Wire.envelope(Wire.operation(.success))
        try await FakeServer.running({ request in
            if request.method == "DELETE" { return .json(Wire.begun, status: 202) }
            if !request.path.contains("/wait") { return .json(running) }
            try? await Task.sleep(for: .milliseconds(700))
            return .json(done)
        }) { server in
            try await withClient(server) { client in
                let (texts, sink) = AsyncStream.makeStream(of: String.self)
                try await client.run(API.instances.delete, path: ["name": "web"]) { operation in
                    if let text = operation.progressText { sink.yield(text) }
                }
                sink.finish()
                #expect(await texts.contains { $0 == "42% (1MB/s)" })
            }
        }
    }

    @Test func filesAreUploadedAsTheyAreAndDownloadedAsTheyCome() async throws {
        let begun = Wire.envelope(Wire.operation(.success), type: "async", operation: "/1.0/operations/u-1")
        let file = Array(repeating: UInt8(ascii: "x"), count: 300_000)
        let head = "HTTP/1.1 200 OK\r\nContent-Disposition: inline;filename=../f.tar\r\nContent-Length: 300000\r\n\r\n"
        try await FakeServer.running({ request in
            request.method == "POST" ? .json(begun, status: 202) : .bytes(Array(head.utf8) + file)
        }) { server in
            try await withClient(server) { client in
                let source = try TemporaryFile(file)
                _ = try await client.runUpload(
                    API.images.create, headers: [("X-LXD-filename", "f.tar")], .file(source.descriptor))
                #expect(server.requests.first?.body == file)
                #expect(server.requests.first?.headers["x-lxd-filename"] == "f.tar")
                let download = try await client.download(API.images.export, path: ["fingerprint": "f00"])
                #expect(download.filename == "f.tar")
                #expect(download.length == 300_000)
                let target = try TemporaryFile([])
                try await download.write(to: target.descriptor)
                #expect(target.content == file)
            }
        }
    }
}
