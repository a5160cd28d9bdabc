import NIOCore
import NIOPosix
import Testing

@testable import LexClient

@Suite struct FormTests {
    private static let body =
        "--XX\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"meta-f00.tar.xz\"\r\n\r\nfirst\r\n-part"
        + "\r\n--XX\r\nContent-Disposition: form-data; name=rootfs; filename=f00.squashfs\r\n\r\n\r\n--XX--\r\n"

    @Test(arguments: [1, 2, 3, 7, 16, 1000]) func aFormIsTakenApartWhereverItIsCut(_ chunk: Int) throws {
        var splitter = try #require(FormSplitter(contentType: "multipart/form-data; boundary=XX"))
        var names: [String] = []
        var content: [String] = []
        var rest = Array(Self.body.utf8)[...]
        while !rest.isEmpty {
            for piece in try splitter.take(ByteBuffer(bytes: rest.prefix(chunk))) {
                switch piece {
                case .part(let headers):
                    names.append(Download.filename(headers["content-disposition"]) ?? "?")
                    content.append("")
                case .bytes(let bytes): content[content.count - 1] += String(buffer: bytes)
                }
            }
            rest = rest.dropFirst(chunk)
        }
        #expect(names == ["meta-f00.tar.xz", "f00.squashfs"])
        #expect(content == ["first\r\n-part", ""])
        #expect(splitter.isComplete)
    }

    @Test func onlyFormsHaveParts() {
        #expect(FormSplitter(contentType: "application/octet-stream") == nil)
        #expect(FormSplitter(contentType: "multipart/form-data") == nil)
        #expect(FormSplitter(contentType: "Multipart/Form-Data; charset=x; boundary=\"a b\"") != nil)
    }

    @Test func aCutFormIsNotComplete() throws {
        var splitter = try #require(FormSplitter(contentType: "multipart/form-data; boundary=XX"))
        _ = try splitter.take(ByteBuffer(bytes: Array(Self.body.utf8).dropLast(6)))
        #expect(!splitter.isComplete)
    }

    /// Nothing but the headers of one part is held: what never begins, and headers that never end, are refused.
    @Test(arguments: ["", "--XX\r\nX-Header: "]) func whatIsHeldHasABound(_ beginning: String) throws {
        var splitter = try #require(FormSplitter(contentType: "multipart/form-data; boundary=XX"))
        let chunk = ByteBuffer(string: String(repeating: "a", count: 4096))
        let first = try splitter.take(ByteBuffer(string: beginning))
        #expect(first == [])
        #expect(throws: FormError.self) { for _ in 0..<20 { _ = try splitter.take(chunk) } }
    }

    @Test func filenamesNeverLeadElsewhere() {
        #expect(Download.filename("inline;filename=a.tar") == "a.tar")
        #expect(Download.filename("inline; filename=\"../../etc/passwd\"") == "passwd")
        #expect(Download.filename("inline; filename=\"..\"") == nil)
        #expect(Download.filename("inline") == nil)
        #expect(Download.filename(nil) == nil)
    }

    @Test func anUploadedFormIsWhatIsTakenApart() async throws {
        let first = try TemporaryFile(Array("one".utf8))
        let second = try TemporaryFile(Array("two".utf8))
        let upload = Upload.form([
            .init(name: "metadata", filename: "m.tar", descriptor: first.descriptor),
            .init(name: "rootfs", filename: "a\"b.tar", descriptor: second.descriptor),
        ])
        var splitter = try #require(FormSplitter(contentType: upload.contentType))
        let announced = upload.length
        var text = ""
        var length: Int64 = 0
        for try await chunk in UploadBody(segments: upload.segments, threads: .singleton, sent: { _ in }) {
            length += Int64(chunk.readableBytes)
            for piece in try splitter.take(chunk) {
                switch piece {
                case .part(let headers): text += "[\(headers["content-disposition"] ?? "")]"
                case .bytes(let bytes): text += String(buffer: bytes)
                }
            }
        }
        #expect(splitter.isComplete)
        #expect(announced == length)
        #expect(
            text == #"[form-data; name="metadata"; filename="m.tar"]one"#
                + #"[form-data; name="rootfs"; filename="a%22b.tar"]two"#)
    }
}
