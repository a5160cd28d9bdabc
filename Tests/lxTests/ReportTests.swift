import LexAPI
import Testing

@testable import lx

@Suite struct ReportTests {
    @Test func anInstanceThatRuns() {
        let text = InstanceReport.text(.sample(name: "web"))
        #expect(
            text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("Created:") }
                .joined(separator: "\n") == """
                    Name: web
                    Status: RUNNING
                    Type: container
                    Architecture: x86_64
                    PID: 3370

                    Resources:
                      Processes: 2
                      Disk usage:
                        root: 132.00KiB
                      CPU usage:
                        CPU usage (in seconds): 2
                      Memory usage:
                        Memory (current): 2.53MiB
                        Memory (peak): 3.19MiB
                      Network usage:
                        eth0:
                          Type: broadcast
                          State: UP
                          Host interface: veth1
                          MAC address: 00:16:3e:2c:fc:e0
                          MTU: 1500
                          Bytes received: 1.55kB
                          Bytes sent: 950B
                          Packets received: 6
                          Packets sent: 5
                          IP addresses:
                            inet:  10.79.0.36/24 (global)
                            inet:  10.79.0.4/24 (global)
                            inet6: fd42::1/64 (global)
                            inet6: fe80::1/64 (link)
                        lo:
                          Type: loopback
                          State: UP
                          MTU: 1500
                          Bytes received: 1.55kB
                          Bytes sent: 950B
                          Packets received: 6
                          Packets sent: 5
                          IP addresses:
                            inet:  127.0.0.1/8 (local)

                    """)
    }

    @Test func anInstanceThatDoesNotRun() {
        var full = Instance.Full.sample(name: "web", status: .stopped)
        full.state?.pid = 0
        #expect(!InstanceReport.text(full).contains("Resources"))
    }

    @Test func aPool() throws {
        let pool = StoragePool(
            name: "p", driver: "overlay", description: "", config: [:],
            usedBy: ["/1.0/profiles/default", "/1.0/instances/b", "/1.0/instances/a?project=q"])
        let resources = StoragePool.Resources(
            space: .init(used: 260_665_344, total: 21_474_836_480), inodes: .init(used: 0, total: 0))
        #expect(
            try YAMLText.document(PoolReport.tree(pool, resources, bytes: false)) == """
                info:
                  description: ""
                  driver: overlay
                  name: p
                  space used: 248.59MiB
                  total space: 20.00GiB
                used by:
                  instances:
                  - a (project "q")
                  - b
                  profiles:
                  - default

                """)
        #expect(
            try YAMLText.document(PoolReport.tree(pool, resources, bytes: true)).contains("space used: \"260665344\""))
    }

    @Test func anImage() throws {
        let image = Image(
            autoUpdate: false, properties: ["os": "Debian", "description": "Debian 12"], public: false,
            expiresAt: .epoch, profiles: ["default"],
            aliases: [.init(name: "debian/12", description: ""), .init(name: "deb", description: "")],
            architecture: "x86_64", cached: false, filename: "f.tar", fingerprint: "f9f5a51e09d9124fbf35",
            size: 1_036_949, type: "container", createdAt: Timestamp(seconds: 1_700_000_000), lastUsedAt: .never,
            uploadedAt: Timestamp(seconds: 1_795_415_956))
        #expect(
            try ImageColumn.parse("lfpdatsuL").map { $0.text(image) } == [
                "deb (1 more)", "f9f5a51e09d9", "no", "Debian 12", "x86_64", "CONTAINER", "0.99MB",
                "Nov 23, 2026 at 6:39am (UTC)", "debian/12\ndeb",
            ])
        #expect(throws: Failure.self) { try ImageColumn.parse("lx") }
        let report = ImageReport.text(image)
        #expect(
            report.contains(
                "    Created: 2023/11/14 22:13 UTC\n    Uploaded: 2026/11/23 06:39 UTC\n    Expires: never\n"))
        #expect(
            report.contains("    Last used: never\nProperties:\n    description: Debian 12\n    os: Debian\nAliases:\n")
        )
        for (word, accepted) in [
            ("deb", true), ("9124", true), ("os=Debian", true), ("o=Deb.*", true), ("os=Fedora", false),
            ("type=container", true), ("fedora", false), ("cached=false", true), ("cached=true", false),
            ("size=1036949", true), ("size=.*", true), ("auto_update=no", false), ("arch=x86_64", false),
            ("fingerprint=\(image.fingerprint)", true), ("fingerprint=f9f5", false), ("aliases=deb", false),
        ] {
            #expect(ImageFilter.parse([word]).allSatisfy { $0.accepts(image) } == accepted)
        }
        #expect(
            try YAMLText.document(Tree(ImageView(of: image))).hasPrefix(
                "auto_update: false\nproperties:\n  description: Debian 12\n"))
    }

    @Test func eventsInALine() throws {
        let lifecycle: JSONValue = [
            "type": "lifecycle", "timestamp": "2026-11-23T07:33:01.5Z",
            "metadata": [
                "action": "instance-started", "source": "/1.0/instances/web", "context": ["command": ["a b", "c"]],
                "requestor": ["protocol": "unix", "username": "root", "address": "@"],
            ],
        ]
        #expect(
            EventLine.text(lifecycle, lowest: .debug)
                == #"time="2026-11-23T07:33:01Z" level=info msg="Action: instance-started, Source: /1.0/instances/web,"#
                + #" Requestor: unix/root (@)" command="[a b c]""#)
        let line: JSONValue = [
            "type": "logging", "timestamp": "2026-11-23T07:33:01Z",
            "metadata": ["level": "debug", "message": "x y", "context": ["b": "1?2", "a": "p"]],
        ]
        #expect(
            EventLine.text(line, lowest: .debug) == #"time="2026-11-23T07:33:01Z" level=debug msg="x y" a=p b="1?2""#)
        #expect(EventLine.text(line, lowest: .info) == nil)
        #expect(EventLine.text(lifecycle, lowest: .error) == nil)
        #expect(LogLevel(argument: "WARN") == nil || LogLevel(argument: "warn") == .warning)
    }

    @Test func remotesHaveTheKeysOfTheStockClient() throws {
        #expect(
            JSONText.compact(try Tree(RemoteView(of: .local, project: "blue")))
                == #"{"Addr":"unix://","AuthType":"","Domain":"","Project":"blue","Protocol":"","Public":false,"#
                + #""Global":false,"Static":true}"#)
    }

    @Test func jsonIsWrittenLikeGoDoes() throws {
        let value: JSONValue = ["b": [1, true, .null, .double(2613248)], "a": "<\u{1}\"\\\n>", "c": [:], "d": []]
        #expect(
            JSONText.compact(try Tree(value))
                == #"{"a":"\u003c\u0001\"\\\n\u003e","b":[1,true,null,2613248],"c":{},"d":[]}"#)
        #expect(JSONText.compact(try Tree(value), escapingHTML: false).contains(#""<\u0001\"\\\n>""#))
        #expect(
            JSONText.indented(#"{"a":[1,{"x":"{,}\""}],"b":{},"c":[ ]}"#.utf8)
                == "{\n\t\"a\": [\n\t\t1,\n\t\t{\n\t\t\t\"x\": \"{,}\\\"\"\n\t\t}\n\t],\n\t\"b\": {},\n\t\"c\": []\n}")
    }
}
