import LexAPI
import LexStore
import Testing

@testable import LexDaemon

@Suite struct ServerConfigTests {
    @Test func whatIsTheDefaultIsNotKept() throws {
        let kept = try ServerConfig.checked([
            "images.auto_update_interval": "6", "images.auto_update_cached": "1", "images.remote_cache_expiry": "3",
            "user.a": "b", "core.metrics_authentication": "yes", "cluster.max_voters": "3",
        ])
        #expect(kept == ["images.remote_cache_expiry": "3", "user.a": "b"])
    }

    /// Every key that needs what is not there says so, and is refused whatever its value is.
    @Test func whatCannotActIsRefused() throws {
        let samples = [
            "core.https_address": ":8443", "core.trust_password": "x", "cluster.https_address": "192.0.2.1",
            "core.remote_token_expiry": "5M", "core.https_allowed_credentials": "true", "cluster.max_voters": "5",
            "storage.images_volume": "a/b", "maas.api.url": "http://maas.example", "core.bgp_asn": "65000",
        ]
        for (name, value) in samples {
            let error = #expect(throws: APIError.self, "\(name)") { try ServerConfig.checked([name: value]) }
            #expect(error?.status == 400)
            #expect(error?.message.hasPrefix("Cannot set '\(name)' to '\(value)': it needs ") == true)
            #expect(error?.message.contains(value) == true)
        }
        #expect(Config<ServerKeys>.keys.allSatisfy { $0.lacking?.hasSuffix(".") != true })
    }

    @Test func aBadValueIsRefusedBeforeWhatIsLacking() throws {
        let error = #expect(throws: APIError.self) { try ServerConfig.checked(["core.https_address": "a b"]) }
        #expect(error?.message.contains("must be an address") == true)
        let unknown = #expect(throws: APIError.self) { try ServerConfig.checked(["nonsense": ""]) }
        #expect(unknown?.message == "Cannot set 'nonsense': Unknown key")
    }

    @Test func changesAreWholeOrNotAtAll() async throws {
        let config = ServerConfig(records: Records(MemoryStore()), events: Events())
        try await config.update(["user.a": "1", "user.b": "2"], isPatch: false, check: { _ in }, requestor: nil)
        await #expect(throws: APIError.self) {
            try await config.update(["user.c": "3", "nonsense": "1"], isPatch: true, check: { _ in }, requestor: nil)
        }
        #expect(try await config.values() == ["user.a": "1", "user.b": "2"])
        try await config.update(["user.a": "", "user.d": "4"], isPatch: true, check: { _ in }, requestor: nil)
        #expect(try await config.values() == ["user.b": "2", "user.d": "4"])
        #expect(try await config.value(\.images.remoteCacheExpiry) == 10)
        try await config.update(
            ["images.remote_cache_expiry": "3"], isPatch: false, check: { _ in }, requestor: nil)
        #expect(try await config.value(\.images.remoteCacheExpiry) == 3)
        #expect(try await config.values() == ["images.remote_cache_expiry": "3"])
    }
}
