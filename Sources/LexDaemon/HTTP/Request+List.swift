import LexAPI

extension Request {
    /// The query's `filter`, which fits everything when absent; a 400 with the reason when it is none.
    func filter() throws(APIError) -> Filter { try Filter(query["filter"] ?? "") }

    /// What a list answers: the objects that fit the query's `filter`, or without `recursion` their addresses.
    func list<Value: Encodable>(_ values: [Value], url: (Value) -> String) throws -> JSONValue {
        let filter = try filter()
        var shown: [JSONValue] = []
        for value in values {
            if recursion == 0, filter.isEmpty {
                shown.append(.string(url(value)))
                continue
            }
            let object = try JSONCoding.value(value)
            guard filter.fits(object) else { continue }
            shown.append(recursion > 0 ? object : .string(url(value)))
        }
        return .array(shown)
    }
}
