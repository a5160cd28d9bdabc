import LexAPI
import LexClient
import LexTestKit
import Testing

extension SystemTests.Hostile {
    /// Every endpoint, many times: an answer in time, with a reason when it is a refusal; never one that says the
    /// daemon itself did not know what to do.
    @Test func everyEndpointAnswers() async throws {
        try await withDaemon { daemon in
            try await daemon.create("c1")
            let fingerprint = try await daemon.client.call(API.images.alias, path: ["name": "busybox"]).target
            let network = try await daemon.network()
            var requests = RandomRequests(names: ["c1", "default", "busybox", fingerprint, network, "lxc.log"])
            // What is internal ends the daemon, as it should.
            for endpoint in API.all where endpoint.path.hasPrefix("/1.0") {
                for _ in 0..<20 {
                    let text = requests.next(for: endpoint)
                    let answer: RawAnswerText
                    do { answer = try await daemon.answer(to: text) } catch {
                        Issue.record("no answer to this: \(error)\n\(text)")
                        return
                    }
                    #expect(answer.isReasonable(toHead: text.hasPrefix("HEAD ")), "\(text)\n\(answer)")
                }
            }
            #expect(daemon.daemonProcess?.hasEnded == false)
            #expect(try await daemon.client.raw(.get, "/1.0").status == 200)
        }
    }
}

extension RawAnswerText {
    /// What may be answered to anything: yes, no with a reason, not done here (501). An answer to HEAD has no body.
    fileprivate func isReasonable(toHead isHead: Bool) -> Bool {
        switch status {
        case 100..<400: true
        case 400..<500, 501: isHead || !sentence.isEmpty
        default: false
        }
    }
}
