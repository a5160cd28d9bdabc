import LexAPI
import Testing

@testable import LexDaemon

/// What an image says of itself is read with bounds, and every mistake is named.
@Suite struct ImageMetadataTests {
    private static let beginning = "architecture: amd64\ncreation_date: 1700000000\n"

    @Test func takesWhatImagesHave() throws {
        let metadata = try ImageMetadata(
            yaml: Self.beginning + """
                expiry_date: 1900000000
                properties:
                  os: Debian
                  release: 12
                  empty:
                  none: null
                  tilde: ~
                  word: "null"
                templates:
                  /etc/hostname:
                    when: [create, copy, rename]
                    create_only: false
                    template: hostname.tpl
                    properties: {}
                  /etc/hosts:
                    when:
                      - start
                    template: hosts.tpl
                    properties:
                      a: b
                something_new: [1, 2]
                """)
        #expect(metadata.architecture == "x86_64")
        #expect(metadata.createdAt == Timestamp(seconds: 1_700_000_000))
        #expect(metadata.expiresAt == Timestamp(seconds: 1_900_000_000))
        #expect(
            metadata.properties == [
                "os": "Debian", "release": "12", "empty": "", "none": "", "tilde": "", "word": "null",
            ])
        #expect(try ImageMetadata(yaml: Self.beginning + "templates:\nproperties:\n").properties == [:])
    }

    @Test(arguments: [
        ("", "is empty"), ("[]", "not a list of names"), ("creation_date: 1\n", "no architecture"),
        ("architecture: z80\ncreation_date: 1\n", "unknown architecture \"z80\""),
        ("architecture: x86_64\n", "no creation_date"),
        ("architecture: x86_64\ncreation_date: soon\n", "creation_date that is no number"),
        ("architecture: x86_64\ncreation_date: -1\n", "creation_date that is no number"),
        ("architecture: x86_64\ncreation_date: 99999999999999999999\n", "creation_date that is no number"),
        (beginning + "expiry_date: never\n", "expiry_date that is no number"),
        (beginning + "properties: 3\n", "properties that are not names and values"),
        (beginning + "properties: {a: [1]}\n", "not a name and a text"),
        (beginning + "templates: 3\n", "templates that are not paths"),
        (beginning + "templates: {etc/hosts: {template: a}}\n", "no absolute path"),
        (beginning + "templates: {/../etc/shadow: {template: a}}\n", "without \"..\""),
        (beginning + "templates: {/etc/hosts: a}\n", "without fields"),
        (beginning + "templates: {/etc/hosts: {when: [start]}}\n", "names no file"),
        (beginning + "templates: {/etc/hosts: {template: ../../etc/shadow}}\n", "names no file"),
        (beginning + "templates: {/etc/hosts: {template: \"..\"}}\n", "names no file"),
        (beginning + "templates: {/etc/hosts: {template: a, when: start}}\n", "is no list"),
        (beginning + "templates: {/etc/hosts: {template: a, when: [reboot]}}\n", "\"reboot\""),
        (beginning + "templates: {/etc/hosts: {template: a, create_only: 7}}\n", "neither true nor false"),
        (beginning + "templates: {/etc/hosts: {template: a, properties: [1]}}\n", "are not names and values"),
        ("a: &a [x]\nb: *a\n", "anchors"), ("a: \"\n", "not valid YAML"),
    ])
    func namesMistakes(_ yaml: String, _ words: String) {
        let error = #expect(throws: APIError.self) { try ImageMetadata(yaml: yaml) }
        #expect(error?.status == 400)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test func hasBounds() {
        let laughs = (0..<9).reduce("a0: &a0 [x]\n") { text, n in
            text + "a\(n + 1): &a\(n + 1) [" + Array(repeating: "*a\(n)", count: 9).joined(separator: ",") + "]\n"
        }
        let many = (0..<300).map { "  k\($0): v\n" }.joined()
        let templates = (0..<300).map { "  /f\($0): {template: a}\n" }.joined()
        for yaml in [
            laughs, String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000),
            Self.beginning + "x: \"" + String(repeating: "y", count: 1 << 20) + "\"\n",
            Self.beginning + "properties:\n" + many, Self.beginning + "templates:\n" + templates,
            Self.beginning + "properties:\n  k: " + String(repeating: "v", count: 70_000) + "\n",
        ] {
            let error = #expect(throws: APIError.self) { try ImageMetadata(yaml: yaml) }
            #expect(error?.status == 400)
        }
    }

    @Test func formatsAreSeenByTheirFirstBytes() {
        var tar = [UInt8](repeating: 0, count: 512)
        tar.replaceSubrange(257..<262, with: Array("ustar".utf8))
        #expect(ImageFormat(beginning: tar)?.rawValue == ".tar")
        #expect(ImageFormat(beginning: [0x1f, 0x8b, 8])?.rawValue == ".tar.gz")
        #expect(ImageFormat(beginning: Array("hsqs".utf8))?.rawValue == ".squashfs")
        #expect(ImageFormat(beginning: []) == nil)
        #expect(ImageFormat(beginning: Array("BZ".utf8)) == nil)
    }

    private func record(cached: Bool, uploaded: Int64, used: Int64?) -> ImageRecord {
        ImageRecord(
            fingerprint: "", filename: "", size: 0, isPublic: false, architecture: "x86_64", properties: [:],
            createdAt: .epoch, expiresAt: .epoch, uploadedAt: Timestamp(seconds: uploaded),
            lastUsedAt: used.map { Timestamp(seconds: $0) } ?? .never, isCached: cached)
    }

    @Test func onlyCachedImagesThatNobodyUsesGo() {
        let day: Int64 = 86400
        func isUnused(_ record: ImageRecord, _ days: Int64, at seconds: Int64) -> Bool {
            Images.isUnused(record, days: days, now: Timestamp(seconds: seconds))
        }
        #expect(!isUnused(record(cached: false, uploaded: 0, used: nil), 10, at: 1000 * day))
        #expect(!isUnused(record(cached: true, uploaded: 0, used: nil), 10, at: 10 * day - 1))
        #expect(isUnused(record(cached: true, uploaded: 0, used: nil), 10, at: 10 * day))
        #expect(!isUnused(record(cached: true, uploaded: 0, used: 5 * day), 10, at: 15 * day - 1))
        #expect(isUnused(record(cached: true, uploaded: 0, used: 5 * day), 10, at: 15 * day))
        #expect(!isUnused(record(cached: true, uploaded: 0, used: nil), .max, at: 1000 * day))
    }
}
