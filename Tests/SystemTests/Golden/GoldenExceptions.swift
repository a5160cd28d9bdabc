import FoundationEssentials

/// Places where lexd's answers are not LXD's on purpose: the table Exceptions.json.
struct GoldenException: Decodable {
    /// Why.
    let because: String
    /// The places: group, request, and the way to the value, with dots between; as patterns of the shell.
    let places: [String]

    /// All of them.
    static func all() throws -> [GoldenException] {
        let file = URL(filePath: GoldenFiles.directory + "Exceptions.json")
        return try JSONDecoder().decode([GoldenException].self, from: Data(contentsOf: file))
    }
}
