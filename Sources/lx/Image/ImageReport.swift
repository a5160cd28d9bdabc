import LexAPI

/// What `lx image info` says of an image.
enum ImageReport {
    static func text(_ image: Image) -> String {
        func moment(_ moment: Timestamp) -> String? { moment.isSet ? Quantities.utc(moment) : nil }
        var lines = [
            "Fingerprint: \(image.fingerprint)", "Size: \(Quantities.imageSize(image.size))",
            "Architecture: \(image.architecture)", "Type: \(image.type)", "Public: \(image.public ? "yes" : "no")",
            "Timestamps:",
        ]
        if let created = moment(image.createdAt) { lines.append("    Created: \(created)") }
        lines.append("    Uploaded: \(Quantities.utc(image.uploadedAt))")
        lines.append("    Expires: \(moment(image.expiresAt) ?? "never")")
        lines.append("    Last used: \(moment(image.lastUsedAt) ?? "never")")
        lines.append("Properties:")
        lines += image.properties.sorted { $0.key < $1.key }.map { "    \($0.key): \($0.value)" }
        lines.append("Aliases:")
        lines += image.aliases.map { "    - \($0.name)" }
        lines.append("Cached: \(image.cached ? "yes" : "no")")
        lines.append("Auto update: \(image.autoUpdate ? "enabled" : "disabled")")
        lines.append("Profiles:")
        lines += image.profiles.map { "    - \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }
}
