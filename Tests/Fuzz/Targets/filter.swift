import LexAPI

/// The filter of a list, held against an object: reading and judging must end, and a filter that was taken must judge
/// the same thing twice alike.
@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    guard let filter = try? Filter(text) else { return 0 }
    let object: JSONValue = .object([
        "name": .string("web-1"), "status": .string("Running"), "ephemeral": .bool(false), "size": .int(1 << 40),
        "config": .object(["user.role": .string("front"), "limits.memory": .string("1GiB")]),
        "profiles": .array([.string("default")]), "last_used_at": .null,
    ])
    precondition(filter.fits(object) == filter.fits(object))
    precondition(!filter.isEmpty || filter.fits(object))
    return 0
}
