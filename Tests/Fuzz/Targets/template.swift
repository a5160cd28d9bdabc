/// A template of an image: reading and rendering must end within what they may cost, with a text or a mistake.
@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let source = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    var limits = Template.Limits()
    limits.steps = 20_000
    limits.output = 1 << 20
    limits.work = 4 << 20
    guard let template = try? Template(source, limits: limits) else { return 0 }
    let values: [String: TemplateValue] = [
        "trigger": .text("start"), "a": .text("va"), "n": .int(.max), "m": .int(.min), "d": .double(1.5),
        "l": .list([.text("x"), .int(-1), .none]),
        "instance": TemplateValue(["name": "t1", "type": "container"]),
        "config": TemplateValue(["user.a": "\u{1F9C5}"]),
        "devices": .map(["root": TemplateValue(["type": "disk"])]), "properties": TemplateValue(["answer": "42"]),
    ]
    let made = try? template.render(
        values, functions: ["config_get": { $0.dropFirst().first ?? .text("value") }])
    precondition((made?.utf8.count ?? 0) <= limits.output)
    return 0
}
