import LexAPI
import NIOCore

/// `/1.0/operations`
struct OperationRoutes: Sendable {
    let operations: Operations

    func mount(on router: inout Router) {
        router.get(API.operations.list) { request in
            let project = try request.isForAllProjects() ? nil : request.project
            var answer: [String: JSONValue] = [:]
            for (status, list) in operations.byStatus(project: project) {
                answer[status] = .array(
                    try list.map { operation in
                        request.recursion > 0
                            ? try JSONCoding.value(operation) : .string("/1.0/operations/\(operation.id)")
                    })
            }
            return answer
        }
        router.get(API.operations.get) { try operations.find(try $0.parameter("id")).view }
        router.remove(API.operations.delete) { request in
            try await operations.find(try request.parameter("id")).cancel()
        }
        router.get(API.operations.wait) { request in
            let operation = try operations.find(try request.parameter("id"))
            let seconds = request.query["timeout"].flatMap { Int64($0) } ?? -1
            await operation.wait(seconds < 0 ? nil : .seconds(min(seconds, 1 << 31)), closed: request.closed)
            return operation.view
        }
        router.mount(API.operations.websocket) { request in
            let operation = try operations.find(try request.parameter("id"))
            guard let secret = request.query["secret"], !secret.isEmpty else {
                throw APIError.badRequest("missing secret")
            }
            let serve = try operation.serve(secret: secret)
            return .webSocket(request) { try await serve(secret, $0) }
        }
    }
}
