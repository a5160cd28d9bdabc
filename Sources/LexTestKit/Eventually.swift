/// A condition that did not come about in the time a test gives it.
package struct NotInTime: Error, CustomStringConvertible {
    package let description: String

    package init(_ what: String, _ patience: Duration) { description = "not within \(patience): \(what)" }
}

/// Waits until a condition holds, and throws ``NotInTime`` when it does not within `patience`.
///
/// Nothing tells a stranger when the host or a guest is where a test wants it, so it asks again and again.
package func eventually(
    _ what: @autoclosure () -> String, within patience: Duration = .seconds(30), _ condition: () async throws -> Bool
) async throws {
    _ = try await eventually(what(), within: patience) { try await condition() ? true : nil }
}

/// Waits until there is a value, with the same patience.
package func eventually<Value>(
    _ what: @autoclosure () -> String, within patience: Duration = .seconds(30), _ value: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + patience
    while true {
        if let value = try await value() { return value }
        guard ContinuousClock.now < deadline else { throw NotInTime(what(), patience) }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// Gives up on work that takes longer than `patience`.
package func within<Value: Sendable>(
    _ patience: Duration, _ what: String, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: patience)
            throw NotInTime(what, patience)
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw NotInTime(what, patience) }
        return value
    }
}
