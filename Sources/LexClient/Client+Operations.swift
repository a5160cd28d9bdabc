public import LexAPI

/// Told what an operation says of itself while it is under way, a few times a second at most.
public typealias ProgressReport = @Sendable (LexAPI.Operation) async -> Void

extension Client {
    /// Sends a request; when the server begins an operation for it, waits for its end. An operation that does not end
    /// well is thrown as ``OperationFailure``.
    ///
    /// Returns the operation, or nil when the server did the work at once. Which of the two a server does for a
    /// request differs between versions of LXD; this takes both.
    @discardableResult
    public func run<Body, Reply>(
        _ endpoint: Endpoint<Body, Reply>, path: [String: String] = [:], query: KeyValuePairs<String, String?> = [:],
        body: Body? = nil, ifMatch: String? = nil, progress: ProgressReport? = nil
    ) async throws -> LexAPI.Operation? {
        let begun = try await start(endpoint, path: path, query: query, body: body, ifMatch: ifMatch)
        guard let begun else { return nil }
        return try await wait(for: begun, progress: progress)
    }

    /// Sends a request and gives the operation that the server began for it, or nil when it did the work at once.
    public func start<Body, Reply>(
        _ endpoint: Endpoint<Body, Reply>, path: [String: String] = [:], query: KeyValuePairs<String, String?> = [:],
        body: Body? = nil, ifMatch: String? = nil
    ) async throws -> LexAPI.Operation? {
        let open = Endpoint<Body, JSONValue>(endpoint.method, endpoint.path, endpoint.summary)
        let answer = try await answer(open, path: path, query: query, body: body, ifMatch: ifMatch)
        return try answer.operation.map { _ in try answer.reply.decoded(as: LexAPI.Operation.self) }
    }

    /// Waits for the end of an operation; one that does not end well is thrown as ``OperationFailure``.
    public func wait(
        for operation: LexAPI.Operation, progress: ProgressReport? = nil
    ) async throws -> LexAPI.Operation {
        let end = try await finish(of: operation, progress: progress)
        guard end.statusCode == StatusCode.success.rawValue else { throw OperationFailure(operation: end) }
        return end
    }

    /// Waits for the end of an operation, however it ends.
    ///
    /// The end comes from one `GET …/wait` without a time limit: the server answers it even when the operation ends at
    /// once, and the answer lies in the socket even when this process is stopped for longer than the server remembers
    /// an operation (5 seconds). The events websocket has neither property; it loses what happens before it is
    /// connected. Progress is only for the eye, so it is asked for beside that, and its errors do not matter.
    public func finish(
        of operation: LexAPI.Operation, progress: ProgressReport? = nil
    ) async throws -> LexAPI.Operation {
        if StatusCode(rawValue: operation.statusCode)?.isFinal == true { return operation }
        let id = operation.id
        guard let progress else { return try await end(of: id) }
        return try await withThrowingTaskGroup(of: LexAPI.Operation?.self) { group in
            group.addTask { try await self.end(of: id) }
            group.addTask {
                await progress(operation)
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(200))
                    guard let now = try? await self.call(API.operations.get, path: ["id": id]) else { break }
                    if StatusCode(rawValue: now.statusCode)?.isFinal != true { await progress(now) }
                }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    private func end(of id: String) async throws -> LexAPI.Operation {
        while true {
            let now = try await call(API.operations.wait, path: ["id": id], query: ["timeout": "-1"])
            // A server may answer before the end, when it restarts its listeners for instance.
            if StatusCode(rawValue: now.statusCode)?.isFinal == true { return now }
        }
    }

    /// Asks the server to cancel an operation.
    public func cancel(_ operation: LexAPI.Operation) async throws {
        try await call(API.operations.delete, path: ["id": operation.id])
    }
}

extension LexAPI.Operation {
    /// What the operation says of its progress, such as `rootfs: 42% (12.3MB/s)`: the first text of its metadata whose
    /// key ends in `_progress`, in the order of the keys.
    public var progressText: String? {
        for (key, value) in (metadata ?? [:]).sorted(by: { $0.key < $1.key }) where key.hasSuffix("_progress") {
            if let text = value.text, !text.isEmpty { return text }
        }
        return nil
    }
}
