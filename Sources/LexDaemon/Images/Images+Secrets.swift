import LexAPI

extension Images {
    /// Begins an operation whose secret lets somebody without rights here download an image once.
    func makeSecret(
        _ prefix: String, project: String, requestor: Event.Requestor?
    ) async throws -> LexAPI.Operation {
        let stored = try await find(prefix, project: project)
        let url = "/1.0/images/\(stored.value.fingerprint)"
        events.lifecycle("image-secret-created", source: url, requestor: requestor, project: stored.owned.project)
        return operations.startToken(
            OperationPlan(
                description: "Image download token", project: stored.owned.project, resources: ["images": [url]],
                metadata: ["secret": .string(Secret.random())]))
    }

    /// Takes a secret for an image: it is good once.
    func useSecret(_ secret: String, for record: ImageRecord) async throws {
        let url = "/1.0/images/\(record.fingerprint)"
        for token in operations.tokens() {
            guard token.view.resources?["images"] == [url], let right = token.view.metadata?["secret"]?.text,
                Secret.equal(right, secret)
            else { continue }
            try await token.cancel()
            return
        }
        throw APIError.notFound("Image not found")
    }
}
