/// Names for instances that were given none: two words.
enum PetName {
    static func random() -> String {
        let first = qualities.randomElement() ?? "quiet"
        let second = animals.randomElement() ?? "heron"
        return "\(first)-\(second)"
    }

    private static let qualities = [
        "able", "amber", "bold", "brave", "brisk", "calm", "clear", "clever", "cosy", "crisp", "deft", "eager", "early",
        "fair", "fast", "fleet", "fond", "fresh", "gentle", "glad", "golden", "grand", "happy", "hardy", "keen", "kind",
        "light", "lively", "loyal", "lucky", "mellow", "merry", "mild", "neat", "nimble", "noble", "patient", "plucky",
        "polite", "proud", "quick", "quiet", "ready", "silver", "smart", "smooth", "steady", "sturdy", "sunny", "swift",
        "tidy", "true", "vivid", "warm", "wise", "witty", "young", "zesty",
    ]
    private static let animals = [
        "adder", "ant", "badger", "bat", "bear", "beaver", "bee", "bison", "carp", "cat", "cod", "colt", "crab",
        "crane",
        "crow", "deer", "dove", "duck", "eagle", "elk", "falcon", "ferret", "finch", "fox", "frog", "gecko", "goat",
        "goose", "gull", "hare", "hawk", "heron", "ibex", "jay", "kestrel", "lark", "lion", "lynx", "marten", "mole",
        "moose", "moth", "mouse", "newt", "otter", "owl", "perch", "pike", "puffin", "quail", "raven", "robin",
        "salmon",
        "seal", "shrew", "snipe", "sparrow", "stoat", "stork", "swan", "tern", "toad", "trout", "viper", "weasel",
        "whale", "wolf", "wren",
    ]
}
