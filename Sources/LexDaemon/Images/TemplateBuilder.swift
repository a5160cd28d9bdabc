import LexAPI

struct TemplateBuilder: ImageBuilding {
    let recipes: String
    func recipes() async throws -> [ImageRecipeSummary] { [] }
    func build(recipe: String, into path: String, progress: @escaping @Sendable (String) -> Void) async throws {
        throw APIError.badRequest("no recipes yet")
    }
}
