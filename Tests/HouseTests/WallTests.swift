import Testing

/// The walls between the modules. The compiler holds them too (`make check`); here each has its reason.
@Suite struct WallTests {
    private let tree: SourceTree
    init() throws { tree = try SourceTree() }

    private static let ours: Set<String> = [
        "LexAPI", "LexClient", "LexSFTP", "LexTemplate", "LexStore", "LexIPC", "LexHost", "LexStorage", "LexNetwork",
        "LexInstance",
        "LexDaemon", "CLexLinux", "CLXC", "CArchive", "CCompression", "CNetlink",
    ]

    /// What a module is for ends where it imports something else: the whole plan of who knows whom.
    private static let plan: [String: Set<String>] = [
        "LexAPI": [],
        "LexSFTP": [],
        "LexTemplate": [],
        "LexClient": ["LexAPI", "LexSFTP"],
        "LexStore": [],
        "LexIPC": ["CLexLinux"],
        "LexHost": ["LexIPC", "CLexLinux", "CNetlink"],
        "LexStorage": ["LexAPI", "LexHost", "LexIPC", "CLexLinux"],
        "LexNetwork": ["LexAPI", "LexHost", "LexIPC"],
        "LexInstance": ["LexAPI", "LexHost", "LexIPC", "LexStorage", "LexNetwork", "CLexLinux"],
        "LexDaemon": [
            "LexAPI", "LexClient", "LexStore", "LexHost", "LexIPC", "LexStorage", "LexNetwork", "LexInstance",
            "LexSFTP", "LexTemplate", "CLexLinux",
        ],
        "lx": ["LexAPI", "LexClient", "LexSFTP"],
        "lexd-runtime": ["LexIPC", "LexSFTP", "CLexLinux", "CLXC"],
        "lexd-archive": ["LexIPC", "CLexLinux", "CArchive", "CCompression"],
    ]

    @Test(arguments: plan.keys.sorted())
    func importsOnlyWhatThePlanHas(_ module: String) throws {
        let allowed = try #require(Self.plan[module])
        #expect(tree.dependencies(of: module)?.isSubset(of: allowed) == true)
        let files = tree.module(module)
        #expect(!files.isEmpty)
        for file in files {
            for match in file.code.matches(of: /(?m)^\s*(?:package |public |@testable )*import ([A-Za-z_]+)/) {
                let name = String(match.1)
                guard Self.ours.contains(name) else { continue }
                #expect(allowed.contains(name), "\(file.path) imports \(name)")
            }
        }
    }

    /// The helpers touch what is hostile or privileged: nothing but what they need may be in them.
    @Test(arguments: ["lexd-runtime", "lexd-archive"])
    func helpersImportNoOther(_ module: String) {
        for file in tree.module(module) {
            for match in file.code.matches(of: /(?m)^\s*(?:package |public )*import ([A-Za-z_]+)/) {
                let name = String(match.1)
                #expect(Self.ours.contains(name) || name == "Glibc", "\(file.path) imports \(name)")
            }
        }
    }

    /// A process with threads never changes who or where it is: these calls belong to the helpers, which have one thread.
    @Test func callsThatChangeAWholeProcessAreInTheHelpers() throws {
        let banned = ["fork", "setns", "unshare", "chroot", "chdir", "umask", "setuid", "setgid", "setgroups"]
        let library: Set<String> = ["LexIPC", "lexd-runtime", "lexd-archive", "LexTestKit"]
        for file in tree.files where !library.contains(file.module) {
            for call in banned {
                let isCalled = try file.code.contains(Regex("(?m)(?:^|[^.A-Za-z_])\(call)\\("))
                #expect(!isCalled, "\(file.path) calls \(call)")
            }
            #expect(
                !file.code.contains("wait4(-1") && !file.code.contains("waitpid(-1"), "\(file.path) waits for any child"
            )
        }
    }

    /// One byte of outside data must not end the daemon for everyone.
    @Test func nothingIsForced() {
        for file in tree.files where file.module != "LexTestKit" {
            #expect(!file.code.contains("try!"), "\(file.path) has a try!")
            #expect(!file.code.contains("as!"), "\(file.path) has an as!")
            let forced = file.code.matches(of: /[A-Za-z0-9_)\]]!(?=[.\s,)\]]|$)/)
            #expect(forced.isEmpty, "\(file.path) forces a value: \(forced.map { String($0.0) })")
        }
    }

    /// Concrete drivers and stores are named in one file.
    @Test func driversAreNamedInTheWiring() {
        for file in tree.files where file.path != "lexd/Wiring.swift" {
            for name in ["OverlayDriver", "SQLiteStore"]
            where !["LexStorage", "LexStore", "LexTestKit"].contains(file.module) {
                #expect(!file.code.contains(name), "\(file.path) names \(name)")
            }
        }
    }
}
