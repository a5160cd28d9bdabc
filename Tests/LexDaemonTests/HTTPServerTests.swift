import Glibc
import LexAPI
import LexHost
import LexIPC
import LexStore
import LexTestKit
import Logging
import NIOCore
import Synchronization
import Testing

@testable import LexDaemon

@Suite(.timeLimit(.minutes(2))) struct HTTPServerTests {
    private struct Note: Codable, Sendable { @Lenient var text: String }

    /// A few endpoints that show what arrives.
    private func router() -> Router {
        var router = Router()
        router.on(.get, "/hello") { _ in .text("hello") }
        router.on(.get, "/1.0/instances") { request in .text("list \(request.legacyName ?? "-")") }
        router.on(.get, "/1.0/instances/{name}") { request in .text("name=\(try request.parameter("name"))") }
        router.on(.get, "/fails") { _ in throw APIError.failed("because") }
        router.on(.post, "/echo") { request in .text(String(buffer: try await request.bytes())) }
        router.on(.put, "/json") { request in .text(try await request.json(Note.self).text) }
        router.on(.post, "/count") { request in
            var count = 0
            for try await part in request.body { count += part.readableBytes }
            return .text(String(count))
        }
        router.on(.post, "/refuse") { _ in throw APIError.badRequest("not this") }
        return router
    }

    @Test func aConnectionServesManyRequests() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            for _ in 0..<20 {
                let answer = try await client.get("/hello")
                #expect(answer.status == 200 && answer.body == "hello")
                #expect(answer.headers["content-length"] == "5" && answer.headers["connection"] == nil)
                #expect(answer.headers["date"]?.hasSuffix(" GMT") == true)
            }
        }
    }

    @Test func errorsAreLXDsEnvelope() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            let missing = try await client.get("/1.0/nothing")
            #expect(missing.status == 404 && missing.headers["content-type"] == "application/json")
            #expect(missing.headers["x-content-type-options"] == "nosniff")
            #expect(
                missing.body
                    == #"{"error":"not found","error_code":404,"metadata":null,"operation":"","status":"","status_code":0,"type":"error"}"#
                    + "\n")
            let wrong = try await client.request("DELETE", "/hello", "")
            #expect(wrong.status == 501 && wrong.body.contains(#""error":"not implemented""#))
            for method in ["TRACE", "OPTIONS", "CONNECT", "PROPFIND"] {
                let other = try RawClient(path)
                #expect(try await other.request(method, "/hello", "").status == 501, "\(method)")
            }
            let failed = try await client.get("/fails")
            #expect(failed.status == 500 && failed.body.contains("because"))
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            var text = ""
            for number in 0..<30 {
                text +=
                    number % 3 == 0
                    ? "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\(100 + number)"
                    : "GET /1.0/instances/i\(number) HTTP/1.1\r\nHost: x\r\n\r\n"
            }
            try await client.send(text)
            for number in 0..<30 {
                #expect(try await client.readAnswer().body == (number % 3 == 0 ? "\(100 + number)" : "name=i\(number)"))
            }
        }
    }

    /// The answer to a request whose body nobody read must not take the next one's body along.
    @Test func bodiesOfTwoRequestsAreKeptApart() async throws {
        try await withServer(router()) { path in
            for _ in 0..<20 {
                let client = try RawClient(path)
                try await client.send(
                    "GET /hello HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
                #expect(try await client.readAnswer().body == "hello")
                // A whole other conversation later.
                #expect(try await RawClient(path).get("/hello").status == 200)
                try await client.send("body")
                #expect(try await client.readAnswer().body == "body")
            }
        }
    }

    @Test func aBodyWhereNoneBelongsIsDropped() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            // Ansible sends `null` with every GET.
            for _ in 0..<3 { #expect(try await client.request("GET", "/hello", "null").body == "hello") }
            #expect(try await client.request("DELETE", "/none", String(repeating: "x", count: 100_000)).status == 404)
            #expect(try await client.get("/hello").body == "hello")
        }
    }

    /// What was asked is answered, whatever comes behind it: then the connection ends.
    @Test(arguments: ["\u{1}", "}", "}}}} nonsense\r\n\r\n", "GET\r\n\r\n", "\u{1}GET / HTTP/1.1\r\n\r\n"])
    func whatFollowsAWholeRequestCostsItNoAnswer(_ rest: String) async throws {
        try await withServer(router()) { path in
            let request = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
            for count in 1...3 {
                // In one piece, and behind the request.
                for isSplit in [false, true] {
                    let client = try RawClient(path)
                    let requests = String(repeating: request, count: count)
                    if isSplit {
                        try await client.send(requests)
                        _ = try? await client.send(rest)
                    } else {
                        try await client.send(requests + rest)
                    }
                    for _ in 0..<count { #expect(try await client.readAnswer().body == "{}") }
                    // Answered in time, it may be told why.
                    let end = try? await client.readToEnd()
                    let text = String(decoding: end ?? [], as: UTF8.self)
                    #expect(text.isEmpty || text.contains("not valid HTTP"))
                }
            }
            #expect(try await RawClient(path).get("/hello").status == 200)
        }
    }

    /// Of two requests and a half the half is not answered, and nothing waits for the rest of it.
    @Test func aRequestThatBreaksOffIsNotWaitedFor() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            let broken = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
            try await client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na" + broken)
            #expect(try await client.readAnswer().body == "a")
            _ = try? await client.readToEnd()
            #expect(try await RawClient(path).get("/hello").status == 200)
        }
    }

    @Test func whoWantsToEndIsLetGo() async throws {
        try await withServer(router()) { path in
            let closing = try RawClient(path)
            let answer = try await closing.get("/hello", headers: "Connection: close\r\n")
            #expect(answer.headers["connection"] == "close" && answer.body == "hello")
            #expect(try await closing.isClosed())
            let old = try RawClient(path)
            try await old.send("GET /hello HTTP/1.0\r\n\r\n")
            #expect(try await old.readAnswer().body == "hello")
            #expect(try await old.isClosed())
            let half = try RawClient(path)
            try await half.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            half.finishSending()
            _ = try await half.readToEnd()
        }
    }

    @Test func aHeadHasNoBody() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            try await client.send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await client.readHead().status == 501)
            #expect(try await client.readAnswer().body == "hello")
        }
    }

    @Test func expectedContinues() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            for _ in 0..<2 {
                try await client.send(
                    "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
                #expect(try await client.readHead().status == 100)
                try await client.send("body")
                #expect(try await client.readAnswer().body == "body")
            }
        }
    }

    @Test func chunksAreOneBody() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            try await client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for part in ["one", " ", "two"] { try await client.send("\(part.utf8.count)\r\n\(part)\r\n") }
            try await client.send("0\r\n\r\n")
            #expect(try await client.readAnswer().body == "one two")
            #expect(try await client.get("/hello").body == "hello")
        }
    }

    @Test func jsonIsReadAsGoReadsIt() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            #expect(try await client.request("PUT", "/json", #"{"TEXT":"x","epehemeral":true}"#).body == "x")
            #expect(try await client.request("PUT", "/json", #"{"text":null}"#).body == "")
            let wrong = try await client.request("PUT", "/json", #"{"text":5}"#)
            #expect(wrong.status == 400 && wrong.body.contains(#"\"text\""#))
            for broken in ["", "{", "null", "[]", "5", "\u{0}", String(repeating: "[", count: 100_000)] {
                #expect(try await client.request("PUT", "/json", broken).status == 400, "\(broken.prefix(20))")
            }
            #expect(try await client.get("/hello").body == "hello")
        }
    }

    @Test func aBodyThatIsTooLargeIsRefused() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            let large = "{\"text\":\"" + String(repeating: "x", count: 5 << 20) + "\"}"
            let answer = try await client.request("PUT", "/json", large)
            #expect(answer.status == 413 && answer.body.contains("larger than"))
            // The rest of the body was read and dropped: the connection goes on.
            #expect(try await client.get("/hello").body == "hello")
            let fits = "{\"text\":\"" + String(repeating: "x", count: 3 << 20) + "\"}"
            #expect(try await client.request("PUT", "/json", fits).body.utf8.count == 3 << 20)
        }
    }

    @Test func anAnswerMayComeBeforeTheBody() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            let total = 8 << 20
            try await client.send("POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: \(total)\r\n\r\n")
            #expect(try await client.readAnswer().status == 400)
            try await client.send([UInt8](repeating: 7, count: total))
            #expect(try await client.get("/hello").body == "hello")
        }
    }

    @Test func aSlowHandlerHoldsTheSenderBack() async throws {
        let mayRead = Gate()
        var router = Router()
        router.on(.post, "/count") { request in
            await mayRead.wait()
            var count = 0
            for try await part in request.body { count += part.readableBytes }
            return .text(String(count))
        }
        try await withServer(router) { path in
            let client = try RawClient(path)
            let total = 64 << 20
            try await client.send("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: \(total)\r\n\r\n")
            let taken = try await client.flood(total)
            #expect(taken < 16 << 20, "\(taken) bytes were taken although nobody reads them")
            mayRead.open()
            try await client.send([UInt8](repeating: 7, count: total - taken))
            #expect(try await client.readAnswer().body == String(total))
        }
    }

    @Test func aSlowReaderHoldsTheAnswerBack() async throws {
        let written = Mutex(0)
        let part = ByteBuffer(repeating: 7, count: 1 << 20)
        let parts = 64
        var router = Router()
        router.on(.get, "/hello") { _ in .text("hello") }
        router.on(.get, "/large") { _ in
            Answer(
                .stream(length: Int64(parts << 20)) { writer in
                    for _ in 0..<parts {
                        try await writer.write(part)
                        written.withLock { $0 += part.readableBytes }
                    }
                })
        }
        try await withServer(router) { path in
            let slow = try RawClient(path)
            try await slow.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await slow.readHead().headers["content-length"] == String(parts << 20))
            // Time enough for the server to write all of it, were it not held back.
            for _ in 0..<200 { #expect(try await RawClient(path).get("/hello").status == 200) }
            #expect(written.withLock { $0 } < 8 << 20)
            #expect(try await slow.read(parts << 20).count == parts << 20)
            #expect(try await slow.get("/hello").body == "hello")
        }
    }

    @Test func aReaderThatLeavesEndsItsAnswer() async throws {
        let ended = Gate()
        var router = Router()
        router.on(.get, "/hello") { _ in .text("hello") }
        router.on(.get, "/large") { _ in
            Answer(
                .stream(length: 1 << 40) { writer in
                    defer { ended.open() }
                    let part = ByteBuffer(repeating: 7, count: 1 << 20)
                    while true { try await writer.write(part) }
                })
        }
        try await withServer(router) { path in
            do {
                let client = try RawClient(path)
                try await client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
                _ = try await client.readHead()
            }
            #expect(await ended.wait(.seconds(20)))
            #expect(try await RawClient(path).get("/hello").body == "hello")
        }
    }

    @Test func aSourceThatBreaksClosesTheConnection() async throws {
        var router = Router()
        router.on(.get, "/broken") { _ in
            Answer(
                .stream(length: 1000) { writer in
                    try await writer.write(ByteBuffer(string: "some"))
                    throw SystemError("read", "/x", code: EIO)
                })
        }
        try await withServer(router) { path in
            let client = try RawClient(path)
            try await client.send("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")
            // Less than was promised, and then the end: nobody can take it for the whole.
            let bytes = try await client.readToEnd()
            #expect(String(decoding: bytes, as: UTF8.self).hasSuffix("\r\n\r\nsome"))
        }
    }

    @Test func aBodyThatEndsTooEarlyIsAnErrorOfItsReader() async throws {
        let outcome = Mutex<String>("")
        let ended = Gate()
        var router = Router()
        router.on(.post, "/count") { request in
            defer { ended.open() }
            do {
                for try await _ in request.body {}
                outcome.withLock { $0 = "whole" }
            } catch {
                outcome.withLock { $0 = "broken" }
                throw error
            }
            return .text("")
        }
        try await withServer(router) { path in
            do {
                let client = try RawClient(path)
                try await client.send("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nonly this")
            }
            #expect(await ended.wait(.seconds(20)))
            #expect(outcome.withLock { $0 } == "broken")
        }
    }

    @Test(
        arguments: [
            "GET\r\n\r\n", "nonsense\r\n\r\n", "GET /hello HTTP/9.9\r\n\r\n", "GET /hello HTTP/1.1\r\nno colon\r\n\r\n",
            "GET /hello HTTP/1.1\r\nContent-Length: x\r\n\r\n", "GET /hello HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            "GET /hello HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "GET /hello HTTP/1.1\r\nA\u{0}: b\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}", "GET /hel lo HTTP/1.1\r\n\r\n",
            "GET /hello HTTP/1.1\r\nHost: x\r\nX: " + String(repeating: "x", count: 200_000) + "\r\n\r\n",
            "GET /" + String(repeating: "x", count: 200_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
        ])
    func whatIsNoRequestIsRefusedAndClosed(_ text: String) async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            // The server may close before it has read it all.
            _ = try? await client.send(text)
            let bytes = (try? await client.readToEnd()) ?? []
            let answer = String(decoding: bytes, as: UTF8.self)
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 "), "\(answer.prefix(100))")
            #expect(try await RawClient(path).get("/hello").body == "hello")
        }
    }

    @Test func targetsThatAreNoPathsAreRefused() async throws {
        try await withServer(router()) { path in
            for target in [
                "http://host/hello", "*", "//", "/%zz?x=%zz", "/1.0/instances/%00", "/1.0/instances/%ff", "/hello?a=%4",
            ] {
                let client = try RawClient(path)
                let status = try await client.get(target).status
                #expect(status == 400 || status == 404, "\(target): \(status)")
            }
        }
    }

    @Test func partsOfThePathAreDecoded() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            #expect(try await client.get("/1.0/instances/a%20b%2Fc").body == "name=a b/c")
            #expect(try await client.get("/1.0/instances/%C3%BC?x=1").body == "name=ü")
            #expect(try await client.get("/1.0/instances/a/b").status == 404)
            #expect(try await client.get("/1.0/instances/").status == 404)
            #expect(try await client.get("/1.0//instances").status == 404)
            #expect(try await client.get("/1.0/containers").body == "list containers")
            #expect(try await client.get("/1.0/virtual-machines/").status == 404)
            #expect(try await client.get("/1.0/containers/web").body == "name=web")
            #expect(try await client.get("/1.0/containersx").status == 404)
        }
    }

    @Test func anotherProjectIsNotFound() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            #expect(try await client.get("/1.0/instances?project=default").status == 200)
            #expect(try await client.get("/1.0/instances?project=").status == 200)
            let answer = try await client.get("/1.0/instances?project=other")
            #expect(answer.status == 404 && answer.body.contains("Project not found"))
            #expect(try await client.get("/1.0/containers/web?project=other").status == 404)
            #expect(try await client.get("/hello?project=other").status == 200)
        }
    }

    @Test func aRequestIsAboutTheProjectItNames() async throws {
        let projects = Projects.inMemory(MemoryStore())
        try await projects.start()
        try await projects.create(Project.Creation(name: "other"), requestor: nil)
        var router = Router()
        router.on(.get, "/1.0/instances") { .text(try $0.isForAllProjects() ? "all" : $0.project) }
        router.on(.get, "/1.0/storage-pools/{name}") { .text($0.project) }
        try await withServer(router, projects: projects) { path in
            let client = try RawClient(path)
            #expect(try await client.get("/1.0/instances").body == "default")
            #expect(try await client.get("/1.0/containers?project=other").body == "other")
            #expect(try await client.get("/1.0/instances?all-projects=true").body == "all")
            #expect(try await client.get("/1.0/instances?all-projects=true&project=").body == "all")
            #expect(try await client.get("/1.0/instances?all-projects=true&project=other").status == 400)
            #expect(try await client.get("/1.0/instances?all-projects=false&project=other").body == "other")
            #expect(try await client.get("/1.0/storage-pools/default?project=gone").status == 200)
            #expect(try await client.get("/1.0/instances?project=other%2Fx").status == 404)
        }
    }

    @Test func theGateComesFirst() async throws {
        let gate: @Sendable (LexAPI.Method, String) -> APIError? = { method, path in
            path == "/hello" ? nil : .unavailable("LXD daemon setup in progress")
        }
        try await withServer(router(), gate: gate) { path in
            let client = try RawClient(path)
            #expect(try await client.get("/1.0/instances").status == 503)
            #expect(try await client.get("/nothing").status == 503)
            #expect(try await client.get("/hello").status == 200)
        }
    }

    @Test func manyConnectionsAtOnce() async throws {
        try await withServer(router()) { path in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        let client = try RawClient(path)
                        for _ in 0..<4 {
                            #expect(try await client.get("/1.0/instances/i\(number)").body == "name=i\(number)")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func theSocketIsOurs() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/socket"
            let server = HTTPServer(
                router: router(), logger: Logger(label: "test"), project: { _, _ in Project.defaultName }
            ) { _, _ in nil }
            // What a crash left is replaced.
            try OwnedDescriptor.open(path, O_WRONLY | O_CREAT).writeAll([], to: path)
            let isReady = Gate()
            let task = Task { try await server.run(unixSocket: path, group: getgid()) { isReady.open() } }
            #expect(await isReady.wait(.seconds(20)))
            var status = stat()
            #expect(lstat(path, &status) == 0 && status.st_mode == S_IFSOCK | 0o660)
            // A second daemon is kept out.
            let error = await #expect(throws: APIError.self) {
                try await server.run(unixSocket: path, group: getgid()) {}
            }
            #expect(error?.message.contains("Another lexd already listens") == true)
            #expect(try await RawClient(path).get("/hello").body == "hello")
            task.cancel()
            try await task.value
        }
    }

    @Test func theEndEndsWhatIsUnderWay() async throws {
        let isHere = Gate()
        var router = Router()
        router.on(.get, "/waits") { _ in
            isHere.open()
            try await Task.sleep(for: .seconds(1000))
            return .text("")
        }
        let clock = ContinuousClock()
        let finished = router
        let time = try await clock.measure {
            try await withServer(finished) { path in
                let client = try RawClient(path)
                try await client.send("GET /waits HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(await isHere.wait(.seconds(20)))
            }
        }
        #expect(time < .seconds(20))
    }
}
