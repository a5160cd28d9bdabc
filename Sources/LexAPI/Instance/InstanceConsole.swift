extension Instance {
    /// A wish to sit at an instance's console (`POST /1.0/instances/NAME/console`).
    public struct Console: Codable, Sendable {
        /// Columns of the terminal; 0 to leave them as they are.
        @Lenient public var width: Int
        /// Rows of the terminal; 0 to leave them as they are.
        @Lenient public var height: Int
        /// `console`, which is what it is when empty.
        @Lenient public var type: String
        /// Whether whoever sits there already is sent away. Ours: LXD 5.0 has room for one only.
        @Lenient public var force: Bool

        enum CodingKeys: String, CodingKey { case width, height, type, force }

        /// Makes the value.
        public init(width: Int = 0, height: Int = 0, type: String = "console", force: Bool = false) {
            self.width = width
            self.height = height
            self.type = type
            self.force = force
        }
    }
}
