/// How a partial change meets what is there: PATCH.
enum Merge {
    /// The old values with the new ones over them; an empty value removes a key.
    static func config(_ old: [String: String], _ new: [String: String]?) -> [String: String] {
        var merged = old
        for (key, value) in new ?? [:] { merged[key] = value.isEmpty ? nil : value }
        return merged
    }

    /// The old devices with the new ones over them, whole.
    static func devices(
        _ old: [String: [String: String]], _ new: [String: [String: String]]?
    ) -> [String: [String: String]] {
        old.merging(new ?? [:]) { $1 }
    }

    /// A replacement: empty values are no values.
    static func replacement(_ new: [String: String]?) -> [String: String] { (new ?? [:]).filter { !$0.value.isEmpty } }
}
