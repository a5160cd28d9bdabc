extension Instance {
    /// What came of a change; LXD answers an empty object. A change that is an operation has it in its metadata.
    public struct Changed: Codable, Sendable, Equatable {
        /// What the running instance takes only at its next start: keys, and options of devices as
        /// `devices.NAME.OPTION`, with commas between; nil when there is nothing.
        public var restartRequired: String?

        enum CodingKeys: String, CodingKey { case restartRequired = "restart_required" }

        /// The name it has in the metadata of an operation.
        public static let restartRequiredKey = CodingKeys.restartRequired.rawValue

        /// Makes the value.
        public init(restartRequired: String? = nil) { self.restartRequired = restartRequired }
    }
}
