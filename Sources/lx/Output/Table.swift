/// A table of text cells, drawn as the stock client draws it.
struct Table: Equatable {
    /// The titles of the columns.
    var headers: [String]
    /// The cells of each row; a cell may have several lines.
    var rows: [[String]]

    /// A table whose rows are put in order by their cells, left to right, as a person would: `c2` before `c10`, and
    /// empty cells last.
    init(headers: [String], sorting rows: [[String]]) {
        self.headers = headers
        self.rows = rows.sorted { left, right in
            for (left, right) in zip(left, right) where left != right {
                if left.isEmpty || right.isEmpty { return right.isEmpty }
                return NaturalOrder.isLess(left, right)
            }
            return false
        }
    }

    /// A table whose rows stay in the order given.
    init(headers: [String], rows: [[String]]) {
        self.headers = headers
        self.rows = rows
    }

    /// With borders: headers in the middle, cells to the left, a line under each row.
    func framed() -> String {
        let widths = columnWidths
        let border = "+" + widths.map { String(repeating: "-", count: $0 + 2) + "+" }.joined() + "\n"
        var text = border
        for line in Self.lines(titles, widths, Self.centered) { text += "|" + line.joined(separator: "|") + "|\n" }
        text += border
        for row in rows {
            for line in Self.lines(row, widths, Self.leading) { text += "|" + line.joined(separator: "|") + "|\n" }
            text += border
        }
        return text
    }

    /// Without borders, for small screens.
    func compact() -> String {
        let widths = columnWidths
        var text = ""
        for line in Self.lines(titles, widths, Self.centered) { text += " " + line.joined() + " \n" }
        for row in rows {
            for line in Self.lines(row, widths, Self.leading) { text += " " + line.joined() + " \n" }
        }
        return text
    }

    /// The rows without headers, as comma separated values (RFC 4180).
    func commaSeparated() -> String {
        rows.map { row in row.map(Self.quoted).joined(separator: ",") + "\n" }.joined()
    }

    /// Titles stand in capitals, and dots and underscores in them become spaces.
    private var titles: [String] {
        headers.map { header in
            header.map { $0 == "_" || $0 == "." ? " " : String($0) }.joined().uppercased().trimmingSpaces
        }
    }

    private var columnWidths: [Int] {
        titles.indices.map { column in
            let cells = [titles[column]] + rows.compactMap { $0.indices.contains(column) ? $0[column] : nil }
            return cells.flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false) }
                .map { TextWidth.of($0) }.max() ?? 0
        }
    }

    /// The lines of a row, each with its cells padded to the widths and a space on both sides.
    private static func lines(
        _ cells: [String], _ widths: [Int], _ pad: (Substring, Int) -> String
    ) -> [[String]] {
        let columns = widths.indices.map { column in
            (cells.indices.contains(column) ? cells[column] : "").split(
                separator: "\n", omittingEmptySubsequences: false)
        }
        let height = columns.map(\.count).max() ?? 0
        return (0..<height).map { line in
            zip(columns, widths).map { cell, width in
                " " + pad(cell.indices.contains(line) ? cell[line] : "", width) + " "
            }
        }
    }

    private static func leading(_ text: Substring, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - TextWidth.of(text)))
    }

    private static func centered(_ text: Substring, _ width: Int) -> String {
        let gap = max(0, width - TextWidth.of(text))
        return String(repeating: " ", count: gap / 2) + text + String(repeating: " ", count: gap - gap / 2)
    }

    private static func quoted(_ cell: String) -> String {
        let special = cell.unicodeScalars.contains { $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r" }
        guard special || cell.first?.isWhitespace == true || cell == "\\." else { return cell }
        return "\"" + cell.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}

extension String {
    var trimmingSpaces: String {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}
