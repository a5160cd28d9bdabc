import LexAPI
import Testing

@testable import lexd_docs

@Suite struct SchemaTests {
    private struct Inner: Codable { var number: Int }
    private enum Word: String, Codable, CaseIterable { case one, two }
    private struct Outer: Codable {
        var text: String
        var maybe: Int?
        @Lenient var list: [String]
        @Nullable var inner: Inner?
        var inners: [Inner]
        var map: [String: [String: Bool]]
        var word: Word
        var open: JSONValue
        var when: Timestamp
    }

    @Test func fieldsAndTheirTypes() throws {
        let recorder = SchemaRecorder()
        _ = recorder.schema(of: Outer.self)
        #expect(recorder.failures == [])
        let outer = try #require(recorder.components.first { $0.key.hasSuffix("Outer") }?.value)
        let fields = try #require(outer["properties"]?.members)
        #expect(fields["text"] == ["type": "string"])
        #expect(fields["maybe"] == ["type": "integer", "format": "int64", "nullable": true])
        #expect(fields["list"] == ["type": "array", "items": ["type": "string"], "nullable": true])
        #expect(
            fields["map"]
                == [
                    "type": "object",
                    "additionalProperties": ["type": "object", "additionalProperties": ["type": "boolean"]],
                ])
        #expect(fields["word"] == ["type": "string", "enum": ["one", "two"]])
        #expect(fields["open"] == [:])
        #expect(fields["when"] == ["type": "string", "format": "date-time"])
        #expect(fields["inner"]?["nullable"] == true)
        #expect(fields["inners"]?["items"]?["$ref"]?.text?.hasSuffix("Inner") == true)
        #expect(outer["required"] == ["inners", "map", "open", "text", "when", "word"])
    }

    /// Every declared type can be seen through, every reference leads somewhere, and no two operations share a name.
    @Test func theDocumentIsWhole() throws {
        let openAPI = OpenAPI()
        let document = openAPI.document()
        #expect(openAPI.failures == [])
        let schemas = try #require(document["components"]?["schemas"]?.members)
        var references: Set<String> = []
        Self.collect(document, into: &references)
        #expect(references.count > 20)
        for reference in references where reference.hasPrefix("#/components/schemas/") {
            #expect(schemas[String(reference.dropFirst("#/components/schemas/".count))] != nil, "\(reference)")
        }
        let paths = try #require(document["paths"]?.members)
        let operations = paths.values.flatMap { $0.members?.values.map { $0 } ?? [] }
        #expect(operations.count == API.all.count { !$0.path.hasPrefix("/internal") })
        let identifiers = Set(operations.compactMap { $0["operationId"]?.text })
        #expect(identifiers.count == operations.count)
    }

    @Test func bodiesHaveTheirFields() throws {
        let document = OpenAPI().document()
        let creation = document["components"]?["schemas"]?["Instance.Creation"]?["properties"]
        #expect(creation?["devices"]?["additionalProperties"]?["additionalProperties"]?["type"] == "string")
        #expect(document["paths"]?["/1.0/instances"]?["post"]?["requestBody"]?["content"]?["application/json"] != nil)
        let parameters = document["paths"]?["/1.0/instances"]?["get"]?["parameters"]?.elements ?? []
        let names = Set(parameters.compactMap { $0["name"]?.text })
        #expect(names.isSuperset(of: ["recursion", "filter", "project"]))
    }

    private static func collect(_ value: JSONValue, into references: inout Set<String>) {
        switch value {
        case .array(let elements): for element in elements { collect(element, into: &references) }
        case .object(let members):
            for (name, value) in members {
                if name == "$ref", let text = value.text {
                    references.insert(text)
                } else {
                    collect(value, into: &references)
                }
            }
        default: break
        }
    }

    @Test func thePagesNameEverything() {
        let keys = Pages.configurationKeys()
        for name in ["limits.memory", "core.https_address", "ipv4.address", "user.*"] {
            #expect(keys.contains("`\(name)`"))
        }
        #expect(Pages.endpoints().contains("`GET /1.0/resources`"))
    }
}
