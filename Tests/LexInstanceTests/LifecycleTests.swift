import LexAPI
import LexIPC
import LexInstance
import Testing

@Suite struct LifecycleTests {
    private static let phases: [Lifecycle.Phase] = [.stopped, .starting, .running, .frozen, .stopping]
    private static let wishes: [Lifecycle.Wish] = [
        .start, .stop(force: false), .stop(force: true), .freeze, .unfreeze, .delete, .exec,
    ]
    private enum Result: Equatable {
        case goes(Lifecycle.Action, Lifecycle.Phase)
        case refused(String)
    }
    /// What comes of each wish in each phase; the words are LXD's.
    private static let table: [[Result]] = [
        // start
        [
            .goes(.proceed, .starting), .refused("The instance is already running"),
            .refused("The instance is already running"), .refused("The instance is already running"),
            .refused("The instance is being stopped: wait until it has stopped"),
        ],
        // stop
        [
            .refused("The instance is already stopped"), .refused("The instance is already stopped"),
            .goes(.proceed, .stopping), .goes(.thawFirst, .stopping), .goes(.proceed, .stopping),
        ],
        // stop by force
        [
            .refused("The instance is already stopped"), .refused("The instance is already stopped"),
            .goes(.proceed, .stopping), .goes(.thawFirst, .stopping), .goes(.proceed, .stopping),
        ],
        // freeze
        [
            .refused("The container isn't running"), .refused("The container isn't running"), .goes(.proceed, .frozen),
            .refused("The container is already frozen"), .refused("The container isn't running"),
        ],
        // unfreeze
        [
            .refused("The container isn't running"), .refused("The container isn't running"),
            .refused("The container is already running"), .goes(.proceed, .running),
            .refused("The container isn't running"),
        ],
        // delete
        [
            .goes(.proceed, .stopped), .refused("Instance is running"), .refused("Instance is running"),
            .refused("Instance is running"), .refused("Instance is running"),
        ],
        // exec
        [
            .refused("Instance is not running"), .refused("Instance is not running"), .goes(.proceed, .running),
            .refused("Instance is frozen"), .goes(.proceed, .stopping),
        ],
    ]

    @Test func everyWishInEveryPhase() {
        for (wish, row) in zip(Self.wishes, Self.table) {
            for (phase, wanted) in zip(Self.phases, row) {
                var lifecycle = Lifecycle(phase)
                do {
                    let action = try lifecycle.wish(wish)
                    #expect(Result.goes(action, lifecycle.phase) == wanted, "\(wish) when \(phase)")
                } catch {
                    #expect(Result.refused(error.message) == wanted && error.status == 400, "\(wish) when \(phase)")
                    #expect(lifecycle.phase == phase, "a refused wish changes nothing")
                }
            }
        }
        #expect(Self.table.count == Self.wishes.count && Self.table.allSatisfy { $0.count == Self.phases.count })
    }

    @Test func everyEvent() {
        let events: [(Lifecycle.Event, Lifecycle.Phase)] = [
            (.started, .running), (.startFailed, .stopped), (.stopTimedOut, .running), (.ending, .stopping),
            (.ended, .stopped),
            (.freezeFailed, .running), (.thawFailed, .frozen),
        ]
        for (event, wanted) in events {
            for phase in Self.phases {
                var lifecycle = Lifecycle(phase)
                lifecycle.happened(event)
                #expect(lifecycle.phase == wanted)
            }
        }
    }

    @Test func theWireSeesWhatLXDShows() {
        let wanted: [(Lifecycle.Phase, StatusCode)] = [
            (.stopped, .stopped), (.starting, .stopped), (.running, .running), (.frozen, .frozen),
            (.stopping, .running),
        ]
        for (phase, status) in wanted { #expect(Lifecycle(phase).status == status) }
    }

    @Test func aWholeLife() throws {
        var life = Lifecycle()
        #expect(try life.wish(.start) == .proceed)
        life.happened(.started)
        #expect(try life.wish(.exec) == .proceed)
        #expect(try life.wish(.freeze) == .proceed)
        #expect(try life.wish(.stop(force: true)) == .thawFirst)
        life.happened(.ended)
        #expect(try life.wish(.delete) == .proceed)
        #expect(life == Lifecycle())
    }
}

@Suite struct StartFailureTests {
    private func words(_ failure: RuntimeFailure) -> String {
        let error = StartFailure.explain(failure, name: "web")
        #expect(error.status == 500)
        return error.message
    }

    @Test(
        arguments: [
            ("start.c: No such file or directory - Failed to exec \"/sbin/init\"\nmore", "no program /sbin/init"),
            ("Failed to exec \"/sbin/init\"", "no program /sbin/init"),
            ("Exec format error - Failed to exec", "for another processor"),
            ("write: No space left on device", "are full"),
            ("conf.c: Failed to mount \"/dev/fuse\"\nsecond", "mounts was refused: conf.c: Failed to mount"),
            (
                "mkdir: /x\nNo such file - Failed to mount \"/nope\" on \"/y\"",
                "was refused: No such file - Failed to mount"
            ),
            ("No such file or directory - Failed to exec \"/nope\"", "no program /nope that can be run. Its raw.lxc"),
            ("its init ended at once", "lx console web --show-log"),
            (
                "Permission denied - Failed\nNot a directory - Failed to mount \"x\"",
                "is a file, and a directory is there inside the instance, or the other way round: Not a directory"
            ),
            ("something else went wrong\nits echo", "something else went wrong. liblxc's whole log"),
        ])
    func causes(detail: String, wanted: String) {
        let text = words(RuntimeFailure(call: "start", subject: "web", detail: detail))
        #expect(text.hasPrefix("cannot start instance \"web\": ") && text.contains(wanted), "\(text)")
        #expect(!text.contains("\n") && !text.contains("echo"))
    }

    @Test func callsOfTheKernel() {
        let text = words(RuntimeFailure(call: "mount the overlay on", subject: "/run/x", code: 22))
        #expect(text.contains("/run/x") && text.contains("Invalid argument") && text.contains("Linux 5.19"))
        #expect(words(RuntimeFailure(call: "map the ids of", subject: "/p", code: 1)).contains("idmapped mounts"))
        #expect(words(RuntimeFailure(call: "open", subject: "/x", code: 2)).contains("cannot open /x: No such file"))
    }
}
