import Testing

@testable import LexHost

@Suite struct ProgramLibrariesTests {
    @Test func readsWhatTheLoaderSays() {
        let text = """
            \tlinux-vdso.so.1 (0x00007ffd)
            \tlibarchive.so.13 => /lib/x86_64-linux-gnu/libarchive.so.13 (0x00007f1)
            \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2)
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f3)
            \tlibgone.so => not found
            """
        let libraries = ProgramLibraries.parse(text)
        #expect(libraries.contains("/lib/x86_64-linux-gnu/libarchive.so.13"))
        #expect(libraries.contains("/lib/x86_64-linux-gnu/libc.so.6"))
        #expect(libraries.allSatisfy { $0.hasPrefix("/") })
        #expect(libraries.first?.contains("/ld-linux") == true)
        #expect(Set(libraries).count == libraries.count)
    }

    @Test func saysWhichLibraryIsMissing() async {
        await #expect(throws: ToolError.self) { try await ProgramLibraries.of("/no/such/program") }
    }
}
