/// What is wrong with a template, and in which of its lines.
package struct TemplateError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The line, counted from 1.
    package let line: Int
    /// What is wrong there.
    package let reason: String

    init(_ line: Int, _ reason: String) {
        self.line = line
        self.reason = reason
    }

    package var description: String { "line \(line): \(reason)" }
}

/// A text of the template's in an error: short, and without what cannot be printed.
func quoted(_ text: String) -> String { String(reflecting: String(text.unicodeScalars.prefix(40))) }
