import Foundation
import Testing

/// What the programs that are built need from the machine.
@Suite struct ProgramTests {
    /// The libraries a program asks for, as readelf(1) tells them.
    private func libraries(of program: String) throws -> Set<String> {
        let directory = Bundle.main.executableURL?.deletingLastPathComponent() ?? SourceTree.root
        var path = directory.appending(path: program)
        if !FileManager.default.fileExists(atPath: path.path()) {
            path = SourceTree.root.appending(path: ".build/debug/\(program)")
        }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/readelf")
        process.arguments = ["--dynamic", path.path()]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "readelf cannot read \(path.path())")
        let names = String(decoding: bytes, as: UTF8.self).matches(of: /\(NEEDED\).*\[([^\]]+)\]/).map { String($0.1) }
        try #require(!names.isEmpty)
        return Set(names)
    }

    @Test func onlyTheRuntimeHasLiblxc() throws {
        #expect(try libraries(of: "lexd-runtime").contains { $0.hasPrefix("liblxc") })
        for program in ["lexd", "lx", "lexd-archive"] {
            #expect(try !libraries(of: program).contains { $0.hasPrefix("liblxc") }, "\(program) has liblxc")
        }
    }

    @Test func onlyTheArchiverHasLibarchive() throws {
        #expect(try libraries(of: "lexd-archive").contains { $0.hasPrefix("libarchive") })
        for program in ["lexd", "lx", "lexd-runtime"] {
            #expect(try !libraries(of: program).contains { $0.hasPrefix("libarchive") }, "\(program) has libarchive")
        }
    }

    /// Foundation makes threads, and no helper may have two.
    @Test(arguments: ["lexd-runtime", "lexd-archive"])
    func helpersHaveNoFoundation(_ program: String) throws {
        let found = try libraries(of: program).filter { $0.contains("Foundation") || $0.contains("dispatch") }
        #expect(found.isEmpty)
    }
}
