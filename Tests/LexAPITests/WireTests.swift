import FoundationEssentials
import LexAPI
import Testing

/// Answers of a real LXD 5.0.2, masked and shortened: what we read of them and write again is the same JSON.
@Suite struct GoldenTests {
    @Test func everyAnswerRoundTrips() throws {
        try check("Server", Server.self)
        try check("Instance-stopped", Instance.self)
        try check("Instance-frozen", Instance.self)
        try check("Instance-urls", [String].self)
        try check("InstanceFull", Instance.Full.self)
        try check("InstanceFull-list-stopped", [Instance.Full].self)
        try check("InstanceFull-list-running", [Instance.Full].self)
        try check("InstanceState-frozen", Instance.State.self)
        try check("InstanceState-stopped", Instance.State.self)
        try check("Async", LexAPI.Operation.self)
        try check("Operation-exec", LexAPI.Operation.self)
        try check("Operation-task", LexAPI.Operation.self)
        try check("Operation-websocket", LexAPI.Operation.self)
        try check("Operations-list", [String: [LexAPI.Operation]].self)
        try check("Error", JSONValue.self)
        try check("Error-instance", JSONValue.self)
        try check("Profile", Profile.self)
        try check("Profile-list", [Profile].self)
        try check("Network-managed", Network.self)
        try check("Network-host", Network.self)
        try check("NetworkState-bridge", Network.State.self)
        try check("NetworkState-loopback", Network.State.self)
        try check("Leases", [Network.Lease].self)
        try check("StoragePool", StoragePool.self)
        try check("StoragePoolResources", StoragePool.Resources.self)
        try check("Image", Image.self)
        try check("Image-list", [Image].self)
        try check("ImageAlias", Image.AliasEntry.self)
    }

    @Test func noAnswerIsForgotten() throws {
        let here = Set(
            try FileManager.default.contentsOfDirectory(atPath: Golden.directory).map { $0.dropLast(".json".count) })
        let source = try String(contentsOfFile: #filePath, encoding: .utf8)
        for name in here { #expect(source.contains("check(\"\(name)\""), "nothing reads Golden/\(name).json") }
    }

    private func check<Metadata: Codable & Sendable>(_ name: String, _: Metadata.Type) throws {
        let data = try Golden.read(name)
        let value = try JSONDecoder().decode(Envelope<Metadata>.self, from: data)
        let written = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
        let wanted = try JSONDecoder().decode(JSONValue.self, from: data)
        #expect(written == wanted, "Golden/\(name).json")
    }

    @Test func errorsHaveLXDsEnvelope() throws {
        let ours = Envelope.failure(.notFound("not found"))
        let written = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(ours))
        #expect(written == (try JSONDecoder().decode(JSONValue.self, from: Golden.read("Error"))))
    }

    @Test func successWithoutContentHasAnEmptyObject() throws {
        let written = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(Envelope.sync(Empty())))
        #expect(written["metadata"] == .object([:]))
        #expect(written.members?.count == 7)
        let created = try JSONDecoder().decode(
            JSONValue.self, from: JSONEncoder().encode(Envelope<JSONValue>.sync(nil)))
        #expect(created["metadata"] == .null && created.members?.count == 7)
    }
}

enum Golden {
    static let directory = String(#filePath.dropLast("WireTests.swift".count)) + "Golden"

    static func read(_ name: String) throws -> Data {
        try Data(contentsOf: URL(filePath: "\(directory)/\(name).json"))
    }
}

/// What clients send may leave anything out, or say null.
@Suite struct LeniencyTests {
    private func decode<Value: Decodable>(_ json: String, as _: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(json.utf8))
    }

    private func checkEmptyAndNull<Value: Codable>(_ type: Value.Type) throws {
        let empty = try JSONEncoder().encode(decode("{}", as: type))
        let members = try #require(try JSONDecoder().decode(JSONValue.self, from: empty).members)
        #expect(!members.isEmpty, "\(type) writes nothing")
        let nulls = try JSONEncoder().encode(JSONValue.object(members.mapValues { _ in .null }))
        let read = try JSONEncoder().encode(JSONDecoder().decode(type, from: nulls))
        #expect(try JSONDecoder().decode(JSONValue.self, from: read) == .object(members), "\(type)")
        for name in members.keys {
            // An exec sends all kinds; a value no field takes is an error, never a trap or a zero.
            let wrong = try JSONEncoder().encode(JSONValue.object([name: .array([.array([.bool(true)])])]))
            #expect(throws: DecodingError.self, "\(type).\(name)") { try JSONDecoder().decode(type, from: wrong) }
        }
    }

    @Test func everyRequestBodyTakesNothingAndNull() throws {
        try checkEmptyAndNull(Instance.Creation.self)
        try checkEmptyAndNull(Instance.Source.self)
        try checkEmptyAndNull(Instance.Update.self)
        try checkEmptyAndNull(Instance.StateChange.self)
        try checkEmptyAndNull(Instance.StatesChange.self)
        try checkEmptyAndNull(Instance.Console.self)
        try checkEmptyAndNull(Instance.Move.self)
        try checkEmptyAndNull(Instance.Exec.self)
        try checkEmptyAndNull(Instance.ExecControl.self)
        try checkEmptyAndNull(Profile.Creation.self)
        try checkEmptyAndNull(Profile.Update.self)
        try checkEmptyAndNull(Network.Creation.self)
        try checkEmptyAndNull(StoragePool.Creation.self)
        try checkEmptyAndNull(StoragePool.Update.self)
        try checkEmptyAndNull(StorageVolume.Creation.self)
        try checkEmptyAndNull(StorageVolume.Update.self)
        try checkEmptyAndNull(Image.AliasEntry.self)
        try checkEmptyAndNull(Image.AliasUpdate.self)
        try checkEmptyAndNull(Image.Rename.self)
        try checkEmptyAndNull(Image.Creation.self)
        try checkEmptyAndNull(Image.Source.self)
        try checkEmptyAndNull(Server.Update.self)
    }

    /// A request body with maps, and what its maps hold.
    private func maps<Body: Decodable>(
        _ config: String, of _: Body.Type, _ read: (Body) -> [String: String]?
    ) throws -> [String: String]? {
        try read(decode(#"{"config":\#(config),"properties":\#(config),"environment":\#(config),"args":\#(config)}"#))
    }

    @Test func nullInAMapIsTheEmptyText() throws {
        let sent = #"{"a":"1","b":null}"#
        let wanted = ["a": "1", "b": ""]
        #expect(try maps(sent, of: Instance.Creation.self) { $0.config } == wanted)
        #expect(try maps(sent, of: Instance.Update.self) { $0.config } == wanted)
        #expect(try maps(sent, of: Instance.Source.self) { $0.properties } == wanted)
        #expect(try maps(sent, of: Instance.Metadata.self) { $0.properties } == wanted)
        #expect(try maps(sent, of: Instance.Exec.self) { $0.environment } == wanted)
        #expect(try maps(sent, of: Instance.ExecControl.self) { $0.args } == wanted)
        #expect(try maps(sent, of: Profile.Creation.self) { $0.config } == wanted)
        #expect(try maps(sent, of: Profile.Update.self) { $0.config } == wanted)
        #expect(try maps(sent, of: Project.Creation.self) { $0.config } == wanted)
        #expect(try maps(sent, of: Project.Update.self) { $0.config } == wanted)
        #expect(try maps(sent, of: Network.Creation.self) { $0.config } == wanted)
        #expect(try maps(sent, of: Network.Update.self) { $0.config } == wanted)
        #expect(try maps(sent, of: NetworkACL.Creation.self) { $0.config } == wanted)
        #expect(try maps(sent, of: NetworkACL.Update.self) { $0.config } == wanted)
        #expect(try maps(sent, of: NetworkForward.Creation.self) { $0.config } == wanted)
        #expect(try maps(sent, of: NetworkForward.Update.self) { $0.config } == wanted)
        #expect(try maps(sent, of: StoragePool.Creation.self) { $0.config } == wanted)
        #expect(try maps(sent, of: StoragePool.Update.self) { $0.config } == wanted)
        #expect(try maps(sent, of: StorageVolume.Creation.self) { $0.config } == wanted)
        #expect(try maps(sent, of: StorageVolume.Update.self) { $0.config } == wanted)
        #expect(try maps(sent, of: Image.Creation.self) { $0.properties } == wanted)
        #expect(try maps(sent, of: Image.Update.self) { $0.properties } == wanted)
        #expect(throws: DecodingError.self) { try maps(#"{"a":1}"#, of: Profile.Update.self) { $0.config } }
    }

    @Test func nullInDevicesIsNoOptionAndNoDevice() throws {
        let sent = #"{"devices":{"eth0":{"type":"nic","mtu":null},"root":null}}"#
        let wanted = ["eth0": ["type": "nic", "mtu": ""], "root": [:]]
        #expect(try decode(sent, as: Instance.Creation.self).devices == wanted)
        #expect(try decode(sent, as: Instance.Update.self).devices == wanted)
        #expect(try decode(sent, as: Profile.Creation.self).devices == wanted)
        #expect(try decode(sent, as: Profile.Update.self).devices == wanted)
    }

    @Test func whatPylxdSendsForACommand() throws {
        let exec: Instance.Exec = try decode(
            #"{"command":["true"],"environment":null,"wait-for-websocket":true,"interactive":false,"user":null,"#
                + #""group":null,"cwd":null,"epehemeral":1}"#)
        #expect(exec.command == ["true"] && exec.waitForWebsocket && !exec.interactive)
        #expect(exec.user == 0 && exec.group == 0 && exec.cwd == "" && exec.environment.isEmpty)
    }

    @Test func nullProfilesAreNotNoProfiles() throws {
        #expect(try decode(#"{"profiles":null}"#, as: Instance.Creation.self).profiles == nil)
        #expect(try decode(#"{}"#, as: Instance.Creation.self).profiles == nil)
        #expect(try decode(#"{"profiles":[]}"#, as: Instance.Creation.self).profiles == [])
    }

    @Test func sizesOfATerminalAreText() throws {
        let resize = try JSONDecoder().decode(
            JSONValue.self, from: JSONEncoder().encode(Instance.ExecControl.resize(width: 80, height: 24)))
        #expect(resize["command"] == "window-resize")
        #expect(resize["args"] == ["width": "80", "height": "24"])
        let signal: Instance.ExecControl = try decode(#"{"command":"signal","signal":15}"#)
        #expect(signal.signal == 15 && signal.args.isEmpty)
    }

    @Test func configurationOfTheServerMayBeNumbers() throws {
        let update: Server.Update = try decode(#"{"config":{"a":5,"b":true,"c":"x","d":null}}"#)
        #expect(update.config.mapValues(\.text) == ["a": "5", "b": "true", "c": "x", "d": ""])
        #expect(throws: DecodingError.self) { try decode(#"{"config":{"a":[]}}"#, as: Server.Update.self) }
        #expect(throws: DecodingError.self) { try decode(#"{"config":{"a":{}}}"#, as: Server.Update.self) }
    }

    @Test func fieldsOfEveryKind() throws {
        struct All: Codable {
            @Lenient var truth: Bool
            @Lenient var number: Int
            @Lenient var big: UInt64
            @Nullable var list: [String]?
            @Nullable var map: [String: Int]?
        }
        let full: All = try decode(#"{"truth":true,"number":-5,"big":18446744073709551615,"list":[],"map":{}}"#)
        #expect(full.truth && full.number == -5 && full.big == .max && full.list == [] && full.map == [:])
        let written = String(
            decoding: try JSONEncoder().encode(decode("{}", as: All.self)), as: UTF8.self)
        #expect(written.contains(#""list":null"#) && written.contains(#""map":null"#))
        #expect(written.contains(#""truth":false"#) && written.contains(#""number":0"#))
        for wrong in [#"{"number":"5"}"#, #"{"number":1.5}"#, #"{"big":-1}"#, #"{"truth":1}"#, #"{"list":[null]}"#] {
            #expect(throws: DecodingError.self, "\(wrong)") { try decode(wrong, as: All.self) }
        }
        #expect(throws: DecodingError.self) { try decode(#"{"number":9223372036854775808}"#, as: All.self) }
    }
}

@Suite struct JSONValueTests {
    private func read(_ text: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    @Test(
        arguments: [
            "null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808", "0.5", "1e300", #""""#,
            #""a\u0000b""#, #""é\n""#, "[]", "{}", "[[[]],{}]", #"{"a":null,"b":[1,"2",{"c":false}]}"#,
        ])
    func roundTrips(_ text: String) throws {
        let value = try read(text)
        let again = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
        #expect(again == value)
        #expect(try JSONEncoder().encode(again).isEmpty == false)
    }

    @Test func keepsKindsApart() throws {
        #expect(try read("1") == .int(1))
        #expect(try read("1.5") == .double(1.5))
        #expect(try read("true") == .bool(true))
        #expect(try read(#""1""#) == .string("1"))
        #expect(try read("18446744073709551615") == .double(0x1p64))
        #expect(try read("[]") == .array([]))
        #expect(try read("{}") == .object([:]))
    }

    @Test func looksInside() throws {
        let value = try read(#"{"text":"t","number":7,"list":[1],"map":{"x":null}}"#)
        #expect(value["text"]?.text == "t" && value["number"]?.integer == 7)
        #expect(value["list"]?.elements == [1] && value["map"]?.members == ["x": .null])
        #expect(value["none"] == nil && value["text"]?.integer == nil && value["number"]?.text == nil)
        #expect(JSONValue.int(1)["x"] == nil && JSONValue.null.elements == nil)
    }

    @Test func depthIsAnErrorAndNoTrap() {
        for text in [
            String(repeating: "[", count: 100_000),
            String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000),
            String(repeating: #"{"a":"#, count: 100_000), "", "nul", "[1", "{\"a\"}", "\u{0}",
        ] {
            #expect(throws: (any Error).self) { try read(text) }
        }
    }
}

@Suite struct StatusCodeTests {
    @Test func numbersAndWordsAreLXDs() {
        let wanted: [StatusCode: (Int, String)] = [
            .operationCreated: (100, "Operation created"), .started: (101, "Started"), .stopped: (102, "Stopped"),
            .running: (103, "Running"), .cancelling: (104, "Cancelling"), .pending: (105, "Pending"),
            .starting: (106, "Starting"), .stopping: (107, "Stopping"), .aborting: (108, "Aborting"),
            .freezing: (109, "Freezing"), .frozen: (110, "Frozen"), .thawed: (111, "Thawed"), .error: (112, "Error"),
            .ready: (113, "Ready"), .success: (200, "Success"), .failure: (400, "Failure"),
            .cancelled: (401, "Cancelled"),
        ]
        for code in StatusCode.allCases {
            #expect(code.rawValue == wanted[code]?.0 && code.name == wanted[code]?.1)
            #expect(code.isFinal == [.success, .failure, .cancelled].contains(code))
        }
    }
}
