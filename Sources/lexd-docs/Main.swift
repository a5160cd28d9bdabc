import Foundation
import LexAPI

/// Writes the pages that follow from the declarations, or says which are out of date.
///
///     lexd-docs docs/generated             write them
///     lexd-docs --check docs/generated     exit 1 when one is not as it would be written
@main enum Main {
    static func main() {
        var arguments = Array(CommandLine.arguments.dropFirst())
        let isCheck = arguments.first == "--check"
        if isCheck { arguments.removeFirst() }
        guard arguments.count == 1, let directory = arguments.first else {
            complain("usage: lexd-docs [--check] DIRECTORY")
            exit(2)
        }
        do {
            exit(try run(directory, isCheck: isCheck) ? 0 : 1)
        } catch {
            complain("\(error)")
            exit(1)
        }
    }

    private static func run(_ directory: String, isCheck: Bool) throws -> Bool {
        let openAPI = OpenAPI()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let pages = [
            "openapi.json": String(decoding: try encoder.encode(openAPI.document()), as: UTF8.self) + "\n",
            "config-keys.md": Pages.configurationKeys(),
            "rest-api.md": Pages.endpoints(),
        ]
        for failure in openAPI.failures { complain("the schema of a type is not whole: \(failure)") }
        var isFresh = true
        for (name, text) in pages.sorted(by: { $0.key < $1.key }) {
            let path = "\(directory)/\(name)"
            if isCheck {
                guard (try? String(contentsOfFile: path, encoding: .utf8)) != text else { continue }
                complain("\(path) is not what the declarations say: run make generate")
                isFresh = false
            } else {
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
                try text.write(toFile: path, atomically: true, encoding: .utf8)
            }
        }
        return isFresh
    }

    private static func complain(_ text: String) { FileHandle.standardError.write(Data("lexd-docs: \(text)\n".utf8)) }
}
