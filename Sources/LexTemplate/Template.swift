/// A template in the part of Pongo2's language that images use, made into a text from values that are given.
///
/// It sees those values and nothing else: there is no way to a file, a program, or another template. What it may cost is
/// bounded by ``Limits``, and every mistake in it is a ``TemplateError``.
package struct Template: Sendable {
    /// What a template may cost.
    package struct Limits: Sendable {
        /// The most bytes of the template.
        package var source = 1 << 20
        /// The most things it does.
        package var steps = 200_000
        /// The most bytes it writes.
        package var output = 4 << 20
        /// The most bytes of all texts it makes on the way.
        package var work = 64 << 20

        /// The usual ones.
        package init() {}
    }

    /// What a template may call.
    package typealias Function = @Sendable ([TemplateValue]) -> TemplateValue

    private let nodes: [TemplateNode]
    private let limits: Limits

    /// Reads a template.
    package init(_ source: String, limits: Limits = Limits()) throws(TemplateError) {
        guard source.utf8.count <= limits.source else {
            throw TemplateError(1, "the template has more than \(limits.source) bytes")
        }
        self.limits = limits
        nodes = try TemplateParser.nodes(of: source)
    }

    /// Makes the text.
    /// - Parameters:
    ///   - values: What names stand for.
    ///   - functions: What can be called, by name.
    package func render(
        _ values: [String: TemplateValue], functions: [String: Function] = [:]
    ) throws(TemplateError) -> String {
        var renderer = TemplateRenderer(values, functions, limits)
        try renderer.render(nodes)
        return String(decoding: renderer.output, as: UTF8.self)
    }
}

// A tree of plain values, made once and never changed.
extension TemplateNode: @unchecked Sendable {}
