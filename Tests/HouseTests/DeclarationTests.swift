import Foundation
import Testing

/// What is declared once is also there once.
@Suite struct DeclarationTests {
    private let tree: SourceTree
    init() throws { tree = try SourceTree() }

    /// Every endpoint that LexAPI declares is answered by exactly one route.
    @Test func everyEndpointIsMountedOnce() throws {
        let mounted = tree.module("LexDaemon").flatMap { file in
            file.code.matches(of: /\bAPI\.([a-zA-Z]+)\.([a-zA-Z]+)/).map { "\($0.1).\($0.2)" }
        }
        var groups: [String: String] = [:]
        for file in tree.module("LexAPI") {
            for match in file.code.matches(of: /static let ([a-zA-Z]+) = ([A-Za-z]+)Endpoints\(\)/) {
                groups[String(match.2)] = String(match.1)
            }
        }
        #expect(!groups.isEmpty)
        var declared = 0
        for file in tree.module("LexAPI") {
            guard let type = file.code.firstMatch(of: /struct ([A-Za-z]+)Endpoints/),
                let group = groups[String(type.1)]
            else { continue }
            for match in file.code.matches(of: /public let ([a-zA-Z]+) = (?:Raw)?Endpoint/) {
                declared += 1
                let name = "\(group).\(match.1)"
                #expect(mounted.count { $0 == name } == 1, "\(name) is mounted \(mounted.count { $0 == name }) times")
            }
        }
        #expect(declared > 40)
    }

    /// A storage driver has its folder, its keys, its line in the wiring, and the suite.
    @Test func everyStorageDriverIsWhole() throws {
        let folders = Set(
            tree.module("LexStorage").compactMap { file -> String? in
                let parts = file.path.split(separator: "/")
                return parts.count > 2 ? String(parts[1]) : nil
            })
        #expect(folders.contains("Overlay"))
        let wiring = try #require(tree.files.first { $0.path == "lexd/Wiring.swift" })
        for folder in folders {
            #expect(wiring.code.contains("\(folder)Driver"), "lexd/Wiring.swift lacks \(folder)Driver")
            #expect(
                tree.files.contains { $0.path == "LexAPI/StoragePool/\(folder)PoolKeys.swift" },
                "LexAPI/StoragePool lacks \(folder)PoolKeys.swift")
        }
    }

    /// No step of a story in the documentation names a function or file that is gone.
    @Test(arguments: ["launch.md", "exec.md"])
    func storiesNameWhatIsThere(_ name: String) throws {
        let story = try String(contentsOf: SourceTree.root.appending(path: "docs/stories/\(name)"), encoding: .utf8)
        let paths = story.matches(of: /`(Sources\/[^`]+\.swift)`/).map { String($0.1) }
        #expect(paths.count > 5)
        for path in paths {
            #expect(FileManager.default.fileExists(atPath: SourceTree.root.appending(path: path).path()), "\(path)")
        }
    }
}
