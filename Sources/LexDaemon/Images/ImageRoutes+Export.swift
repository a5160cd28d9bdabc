import LexAPI
import LexHost

extension ImageRoutes {
    /// The files of an image, byte for byte as they came: one as the body, two as a form.
    func export(_ request: Request) async throws -> Answer {
        let stored = try await images.find(request.parameter("fingerprint"), project: request.project)
        let record = stored.value
        if let secret = request.query["secret"], !secret.isEmpty {
            try await images.useSecret(secret, for: record)
        }
        let answer = try await export(record)
        images.events.lifecycle(
            "image-retrieved", source: "/1.0/images/\(record.fingerprint)", requestor: request.requestor,
            project: stored.owned.project)
        return answer
    }

    /// An image's file, or both of them as a form.
    func export(_ record: ImageRecord) async throws -> Answer {
        let files = images.files(of: record)
        let endings = try await blocking {
            [files.path, files.rootPath].map { path in (try? path.flatMap { try ImageFormat.of($0) })?.rawValue ?? "" }
        }
        let name = record.fingerprint
        guard let root = files.rootPath else {
            return try await FileAnswer.make(files.path, filename: name + endings[0])
        }
        return try await FileAnswer.form([
            .init(name: "metadata", filename: "meta-\(name)\(endings[0])", path: files.path),
            .init(name: "rootfs", filename: "\(name)\(endings[1])", path: root),
        ])
    }
}
