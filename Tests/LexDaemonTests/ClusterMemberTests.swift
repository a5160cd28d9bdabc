import LexAPI
import Testing

@testable import LexDaemon

@Suite struct ClusterMemberTests {
    /// What stock LXD 5.0.2 that stands alone answers.
    @Test(
        arguments: [
            (Method.post, "/1.0/instances", 400), (.post, "/1.0/instances/c1", 404), (.get, "/1.0", 404),
            (.put, "/1.0", 404), (.get, "/1.0/resources", 404), (.post, "/1.0/networks", 404),
            (.get, "/1.0/networks/br0", 404), (.get, "/1.0/networks/br0/state", 404),
            (.post, "/1.0/storage-pools", 404),
            (.patch, "/1.0/storage-pools/default", 404), (.get, "/1.0/storage-pools/default/volumes", 404),
            (.delete, "/1.0/storage-pools/default/volumes/custom/v1", 404),
            // These do not ask for it.
            (.get, "/1.0/instances", nil), (.get, "/1.0/instances/c1", nil), (.get, "/1.0/networks", nil),
            (.get, "/1.0/storage-pools", nil), (.get, "/1.0/images", nil), (.get, "/1.0/warnings", nil),
            (.get, "/", nil),
        ] as [(Method, String, Int?)])
    func aMemberThatIsNotThereIsRefused(_ method: Method, _ path: String, _ status: Int?) {
        func found(_ query: [String: String]) -> Int? {
            do {
                try ClusterMember.check(method, path, query)
                return nil
            } catch {
                return error.status
            }
        }
        #expect(found(["target": "other"]) == status)
        // Without a name, and by the name of a server that stands alone, this one is meant.
        for query in [[:], ["target": ""], ["target": "none"]] as [[String: String]] { #expect(found(query) == nil) }
    }
}
