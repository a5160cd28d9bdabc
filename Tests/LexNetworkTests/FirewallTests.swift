import FoundationEssentials
import LexAPI
import LexHost
import Testing

@testable import LexNetwork

@Suite struct FirewallTests {
    let web: BridgeSettings
    let bare: BridgeSettings
    init() throws {
        web = try settings(["ipv4.nat": "true", "ipv6.nat": "true"])
        bare = try settings(["ipv4.address": "none", "ipv6.address": "none"], name: "bare0")
    }

    func text(_ value: JSONValue) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
    func rules(_ batch: JSONValue, chain: String) -> [JSONValue] {
        (batch["nftables"]?.elements ?? []).compactMap { $0["add"]?["rule"] }.filter { $0["chain"]?.text == chain }
    }

    @Test func replacesTheTableInOneBatch() throws {
        let batch = FirewallRules.batch(table: "lexd_0badcafe", networks: [web])
        let commands = try #require(batch["nftables"]?.elements)
        let table = #"{"family":"inet","name":"lexd_0badcafe"}"#
        #expect(try text(commands[0]) == #"{"add":{"table":\#(table)}}"#)
        #expect(try text(commands[1]) == #"{"delete":{"table":\#(table)}}"#)
        #expect(try text(commands[2]) == #"{"add":{"table":\#(table)}}"#)
        #expect(commands.dropFirst(3).allSatisfy { $0["add"] != nil })
    }

    @Test func withoutNetworksOnlyRemoves() {
        let batch = FirewallRules.batch(table: "lexd", networks: [])
        #expect(batch["nftables"]?.elements?.count == 2)
    }

    @Test func translatesOnlyWhatLeavesTheSubnetAndTheBridge() throws {
        let batch = FirewallRules.batch(table: "lexd", networks: [web, bare])
        let rules = rules(batch, chain: "postrouting")
        #expect(rules.count == 2)
        let ipv4 = try text(try #require(rules.first?["expr"]))
        #expect(
            ipv4
                == #"[{"match":{"left":{"payload":{"field":"saddr","protocol":"ip"}},"op":"==","right":{"prefix":{"addr":"10.3.2.0","len":24}}}},"#
                + #"{"match":{"left":{"payload":{"field":"daddr","protocol":"ip"}},"op":"!=","right":{"prefix":{"addr":"10.3.2.0","len":24}}}},"#
                + #"{"match":{"left":{"meta":{"key":"oifname"}},"op":"!=","right":"web0"}},{"masquerade":null}]"#)
        #expect(try text(rules[1]).contains(#"{"addr":"fd42:1:2:3::","len":64}"#))
    }

    @Test func doesNotDependOnTheOrderOfNetworks() {
        #expect(
            FirewallRules.batch(table: "lexd", networks: [web, bare])
                == FirewallRules.batch(table: "lexd", networks: [bare, web]))
    }

    @Test func acceptsBothDirectionsOfEachBridge() throws {
        let batch = FirewallRules.batch(table: "lexd", networks: [web, bare])
        let forward = try rules(batch, chain: "forward").map { try text($0) }
        #expect(forward.count == 8)
        #expect(forward.filter { $0.contains("bare0") }.count == 4)
        #expect(forward.allSatisfy { $0.contains(#"{"accept":null}]"#) })
    }

    let identity = NetworkIdentity(directory: "/srv/lexd")

    func listing(_ rules: [(comment: String?, handle: Int64)]) -> JSONValue {
        .object([
            "nftables": .array(
                [["metainfo": ["version": "1.0.6"]]]
                    + rules.map { rule in
                        var members: [String: JSONValue] = ["family": "ip", "handle": .int(rule.handle)]
                        if let comment = rule.comment { members["comment"] = .string(comment) }
                        return ["rule": .object(members)]
                    })
        ])
    }

    @Test func putsTwoRulesPerBridgeIntoDockersChain() throws {
        let batch = try #require(
            DockerChain.batch(family: "ip", listing: listing([(nil, 3)]), identity: identity, bridges: ["a0", "b0"]))
        let commands = try #require(batch["nftables"]?.elements)
        #expect(commands.count == 4)
        #expect(commands.allSatisfy { $0["insert"]?["rule"]?["chain"]?.text == "DOCKER-USER" })
        #expect(commands[0]["insert"]?["rule"]?["comment"]?.text == "\(identity.tag) from a0")
    }

    @Test func leavesDockersChainAloneWhenItIsRight() {
        let tag = identity.tag
        let right = listing([("\(tag) from a0", 7), ("\(tag) to a0", 8), ("lexd from a0", 9), ("somebody's", 10)])
        #expect(DockerChain.batch(family: "ip", listing: right, identity: identity, bridges: ["a0"]) == nil)
    }

    @Test func removesOnlyItsOwnRulesFromDockersChain() throws {
        let tag = identity.tag
        let old = listing([
            ("\(tag) from gone0", 7), ("\(tag) to a0", 8), ("\(tag) to a0", 9), ("\(tag)0 from gone0", 10), (nil, 11),
        ])
        let batch = try #require(DockerChain.batch(family: "ip", listing: old, identity: identity, bridges: ["a0"]))
        let commands = try #require(batch["nftables"]?.elements)
        let deleted = commands.compactMap { $0["delete"]?["rule"]?["handle"]?.integer }
        #expect(deleted == [7, 9])
        #expect(commands.compactMap { $0["insert"]?["rule"]?["comment"]?.text } == ["\(tag) from a0"])
    }

    @Test(arguments: [JSONValue.null, ["nftables": 3], ["nftables": [["rule": "x"], ["rule": ["comment": 4]]]]])
    func survivesAStrangeListing(_ listing: JSONValue) {
        #expect(DockerChain.batch(family: "ip", listing: listing, identity: identity, bridges: []) == nil)
    }

    func chain(_ table: String, _ name: String, _ hook: FirewallChain.Hook?, drops: Bool = true) -> FirewallChain {
        FirewallChain(family: "ip", table: table, name: name, hook: hook, dropsByDefault: drops)
    }
    func suspicions(_ chains: [FirewallChain]) -> [ForeignFirewalls.Suspicion] {
        ForeignFirewalls.suspicions(bridge: "web0", chains: chains, ownTable: "lexd")
    }
    func warnings(_ chains: [FirewallChain]) -> [String] {
        suspicions(chains).map(\.warning.text)
    }

    @Test func warnsOfAForwardChainThatDrops() {
        let texts = warnings([chain("custom", "fwd", .forward), chain("lexd", "forward", .forward)])
        #expect(texts.count == 1)
        #expect(texts.allSatisfy { $0.contains("ip custom fwd") && $0.contains(#"iifname "web0""#) })
    }

    @Test func namesTheRemedyForUFW() {
        let texts = warnings([
            chain("filter", "FORWARD", .forward), chain("filter", "INPUT", .input),
            chain("filter", "ufw-user-input", nil),
        ])
        #expect(texts.count == 2)
        #expect(texts.contains { $0.contains("ufw route allow in on web0") })
        #expect(texts.contains { $0.contains(#""ufw allow in on web0""#) })
    }

    @Test func knowsWhereItWouldBeAllowed() {
        let chains = [
            chain("filter", "FORWARD", .forward), chain("filter", "ufw-user-forward", nil),
            chain("filter", "ufw-user-input", nil), chain("filter", "ufw-before-forward", nil),
        ]
        #expect(suspicions(chains).first?.chains.map(\.name) == ["FORWARD", "ufw-user-forward"])
        let firewalld = [
            chain("firewalld", "filter_FORWARD", .forward, drops: false), chain("firewalld", "nat_X", nil),
        ]
        #expect(suspicions(firewalld).first?.chains.map(\.name) == ["filter_FORWARD"])
        #expect(warnings(firewalld).first?.contains("firewall-cmd --zone=trusted --change-interface=web0") == true)
    }

    @Test func findsTheBridgeInAListing() {
        let listing: JSONValue = ["nftables": [["rule": ["expr": [["match": ["right": ["set": ["web0", "x"]]]]]]]]]
        #expect(ForeignFirewalls.names("web0", in: listing))
        #expect(!ForeignFirewalls.names("web", in: listing))
        #expect(!ForeignFirewalls.names("nftables", in: listing))
    }

    @Test func dockersForwardDropIsNoWarning() {
        #expect(warnings([chain("filter", "FORWARD", .forward), chain("filter", "DOCKER-USER", nil)]) == [])
    }

    @Test func acceptingChainsAndOtherHooksAreNoWarning() {
        #expect(
            warnings([chain("a", "b", .forward, drops: false), chain("a", "c", .output), chain("a", "d", nil)]) == [])
    }
}
