import LexAPI
import Testing

@Suite struct EndpointTests {
    @Test func thereAreAll() {
        // The number is not the point: that Mirror finds what is declared is.
        #expect(API.all.count >= 50)
    }

    @Test func noneIsDeclaredTwice() {
        var seen: Set<String> = []
        for endpoint in API.all {
            // Names of parts do not tell two paths apart.
            let shape = endpoint.path.split(separator: "/").map { $0.hasPrefix("{") ? "{}" : $0 }.joined(separator: "/")
            #expect(seen.insert("\(endpoint.method.rawValue) /\(shape)").inserted, "\(endpoint.path)")
        }
    }

    @Test func pathsAreWellFormed() {
        for endpoint in API.all {
            let path = endpoint.path
            #expect(path == "/" || path == "/1.0" || path.hasPrefix("/1.0/") || path.hasPrefix("/internal/"), "\(path)")
            #expect(path == "/" || !path.hasSuffix("/"), "\(path)")
            #expect(!path.contains("//") && !path.contains("?") && !path.contains("%"), "\(path)")
            var names: Set<Substring> = []
            for part in path.split(separator: "/") {
                if part.contains("{") || part.contains("}") {
                    #expect(part.hasPrefix("{") && part.hasSuffix("}") && part.count > 2, "\(path)")
                    #expect(names.insert(part).inserted, "\(path) has \(part) twice")
                }
            }
        }
    }

    @Test func everyoneSaysWhatItDoes() {
        for endpoint in API.all {
            #expect(endpoint.summary.hasSuffix(".") && endpoint.summary.first?.isUppercase == true, "\(endpoint.path)")
        }
    }

    @Test func queriesAreThoseThatAreServed() {
        func paths(with parameter: String) -> Set<String> {
            Set(
                API.all.filter { $0.queryParameters.contains { $0.name == parameter } }
                    .map { "\($0.method.rawValue) \($0.path)" })
        }
        let volumes = "GET /1.0/storage-pools/{pool}/volumes"
        let lists: Set<String> = [
            "GET /1.0/images", "GET /1.0/images/aliases", "GET /1.0/instances", "GET /1.0/instances/{name}/snapshots",
            "GET /1.0/network-acls", "GET /1.0/networks", "GET /1.0/networks/{network}/forwards", "GET /1.0/profiles",
            "GET /1.0/projects", "GET /1.0/storage-pools", volumes, "\(volumes)/{type}",
            "\(volumes)/{type}/{volume}/snapshots", "GET /1.0/warnings",
        ]
        #expect(paths(with: "filter") == lists)
        #expect(paths(with: "recursion") == lists.union(["GET /1.0/instances/{name}", "GET /1.0/operations"]))
        #expect(
            paths(with: "all-projects") == [
                "GET /1.0/events", "GET /1.0/instances", "GET /1.0/operations", volumes, "\(volumes)/{type}",
            ])
    }

    @Test func strangersSeeOnlyTheServer() {
        let open = API.all.filter { $0.access == .anyone }.map { "\($0.method.rawValue) \($0.path)" }
        #expect(Set(open) == ["GET /", "GET /1.0"])
        let secret = API.all.filter { $0.access == .secret }.map(\.path)
        #expect(secret.allSatisfy { $0.hasPrefix("/1.0/operations/{id}/") })
    }

    @Test func extensionsThatWouldChangeAnswersAreNeverAnnounced() {
        #expect(Set(APIExtensions.all).count == APIExtensions.all.count)
        #expect(!APIExtensions.all.contains("storage_and_profile_operations"))
        #expect(!APIExtensions.all.contains("storage_and_network_operations"))
        // Ours come last and bear our name.
        let ours = APIExtensions.all.drop { !$0.hasPrefix("lexd_") }
        #expect(ours.allSatisfy { $0.hasPrefix("lexd_") })
    }
}
