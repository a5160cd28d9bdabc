import FoundationEssentials
import LexAPI

/// A part of Requests.json: requests that are made in this order.
struct GoldenGroup: Decodable {
    /// The name of the file with LXD's answers.
    let group: String
    /// The requests.
    let steps: [GoldenStep]
    /// The path of the events to listen to meanwhile.
    let listen: String?
    /// The text in an event after which no more are awaited.
    let until: String?
}

/// One request. `${name}` in it stands for a value that was kept before.
struct GoldenStep: Decodable {
    /// What the answer is called.
    let name: String
    /// Method and path.
    let request: String
    /// The body, as JSON.
    let body: JSONValue?
    /// The body, as it is.
    let text: String?
    /// Names the image which is the body.
    let upload: String?
    let headers: [String: String]?
    /// Whether to wait for the operation that the answer names, and to show its end too.
    let wait: Bool?
    /// Asks again until the value there has so many members or elements.
    let until: Until?
    /// What later requests need of the answer: names, and where the values are.
    let keep: [String: String]?
    /// Of each list, only the elements with this text count: others may be there or not.
    let only: String?

    struct Until: Decodable {
        let at: String
        let count: Int
    }
}

/// The files beside this one.
enum GoldenFiles {
    static let directory = String(#filePath.dropLast("GoldenRequests.swift".count))

    static func requests() throws -> [GoldenGroup] {
        try JSONDecoder().decode([GoldenGroup].self, from: Data(contentsOf: URL(filePath: directory + "Requests.json")))
    }

    static func answers(_ group: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: answersFile(group)))
    }

    static func writeAnswers(_ answers: JSONValue, _ group: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (encoder.encode(answers) + Data("\n".utf8)).write(to: answersFile(group))
    }

    private static func answersFile(_ group: String) -> URL { URL(filePath: directory + "Answers/\(group).json") }
}

extension JSONValue {
    /// The value at a path of names and numbers with dots between.
    func at(_ path: String) -> JSONValue? {
        path.split(separator: ".").reduce(self as JSONValue?) { value, name in
            if let index = Int(name), let elements = value?.elements {
                return elements.indices.contains(index) ? elements[index] : nil
            }
            return value?[String(name)]
        }
    }
}
