import LexAPI

/// The part of an image that can be changed, as it is shown.
struct ImageView: Encodable {
    let autoUpdate: Bool
    let properties: [String: String]
    let isPublic: Bool
    let expiresAt: Timestamp
    let profiles: [String]

    enum CodingKeys: String, CodingKey {
        case autoUpdate = "auto_update"
        case properties
        case isPublic = "public"
        case expiresAt = "expires_at"
        case profiles
    }

    init(of image: Image) {
        autoUpdate = image.autoUpdate
        properties = image.properties
        isPublic = image.public
        expiresAt = image.expiresAt
        profiles = image.profiles
    }
}
