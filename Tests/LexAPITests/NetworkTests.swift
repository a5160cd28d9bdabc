import Foundation
import LexAPI
import Testing

@Suite struct NetworkValueTests {
    @Test(arguments: [
        ("10.0.3.0/24", "10.0.3.0", "10.0.3.255"), ("10.0.3.7/24", "10.0.3.0", "10.0.3.255"),
        ("10.0.3.7", "10.0.3.7", "10.0.3.7"), ("10.0.3.7-10.0.4.1", "10.0.3.7", "10.0.4.1"),
        ("fd42::/64", "fd42::", "fd42::ffff:ffff:ffff:ffff"), ("fd42::1:2/127", "fd42::1:2", "fd42::1:3"),
        ("fd42::5-fd42::9", "fd42::5", "fd42::9"),
        ("fd42:8000::/17", "fd42:8000::", "fd42:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ])
    func ranges(_ text: String, _ first: String, _ last: String) throws {
        let range = try #require(AddressRange(configText: text))
        #expect("\(range.first)" == first && "\(range.last)" == last)
    }

    @Test(arguments: [
        "", "x", "10.0.0.9-10.0.0.1", "10.0.0.1-fd42::1", "10.0.0.1/33", "10.0.0.1-", "-", "1-2-3", "fd42::/129",
    ])
    func noRanges(_ text: String) { #expect(AddressRange(configText: text) == nil) }

    @Test func mergesWhatOverlaps() {
        func ranges(_ texts: String...) -> [AddressRange] { texts.compactMap { AddressRange(configText: $0) } }
        let merged = AddressRange.merged(
            ranges("10.0.5.1", "10.0.0.0/16", "fd42::9", "10.0.1.0/24", "11.0.0.1-11.0.0.5", "11.0.0.5-11.0.0.9"))
        #expect(merged.map(\.description) == ["10.0.0.0-10.0.255.255", "11.0.0.1-11.0.0.9", "fd42::9"])
        let ports = ["90-100", "80", "95-120", "80"].compactMap { PortRange(configText: $0) }
        #expect(PortRange.merged(ports).map(\.description) == ["80", "90-120"])
    }

    @Test(arguments: ["0", "65536", "99999999999", "80-70", "-", "80-", "-80", "+80", "x", "", "8 0", "1-2-3"])
    func noPorts(_ text: String) { #expect(PortRange(configText: text) == nil) }

    @Test func rulesAreReadLeniently() throws {
        let text = #"{"action":" allow ","source":"","protocol":null,"destination_port":"80"}"#
        let rule = try JSONDecoder().decode(NetworkACL.Rule.self, from: Data(text.utf8))
        #expect(rule.parts == ["action": "allow", "destination_port": "80", "state": "enabled"])
        #expect(NetworkACL.Rule(rule.parts) == rule)
        #expect(NetworkACL.Rule(["nonsense": "x"]) == nil)
        let written = String(decoding: try JSONEncoder().encode(rule), as: UTF8.self)
        #expect(!written.contains("source"))
    }

    @Test(arguments: ["", "1abc", "a b", "a/b", "@x", "-a", "a_b", "a.b", "é", "a-", String(repeating: "x", count: 64)])
    func noACLNames(_ name: String) { #expect(throws: APIError.self) { try NetworkACL.validateName(name) } }

    @Test func tunnelKeys() {
        #expect(TunnelKey("a.protocol")?.name == "a" && TunnelKey("a.protocol")?.setting == .protocol)
        for bad in ["a", "a.x", ".protocol", "a/b.id", "way-too-long-a-name.id"] {
            #expect(TunnelKey(bad) == nil, "\(bad)")
        }
    }

    @Test(arguments: [
        "bgp.peers.a.address", "dns.zone.forward", "fan.type", "maas.subnet.ipv4", "ipv4.ovn.ranges",
    ])
    func refusedWithAReason(_ key: String) {
        let error = #expect(throws: APIError.self) { try Config<BridgeKeys>.validate(key, "x") }
        #expect(error?.message.contains("must be left out: ") == true, "\(error?.message ?? "")")
        #expect(throws: APIError.self) { try Config<BridgeKeys>.validate(key + "x.nonsense", "x") }
    }
}
