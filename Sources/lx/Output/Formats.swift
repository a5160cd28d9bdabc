import ArgumentParser

/// How a list is printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case csv, json, table, yaml, compact
}

/// The `--format` of every command that lists something.
struct FormatOptions: ParsableArguments {
    @Option(
        name: [.customShort("f", allowingJoined: true), .long], parsing: .unconditional,
        help: "How to print the list: csv, json, table, yaml or compact.")
    var format: OutputFormat = .table

    /// Prints a list: its table, or the values themselves for JSON and YAML.
    func print(_ table: @autoclosure () throws -> Table, values: some Encodable) throws {
        switch format {
        case .table: try StandardOutput.write(table().framed())
        case .compact: try StandardOutput.write(table().compact())
        case .csv: try StandardOutput.write(table().commaSeparated())
        case .json: try StandardOutput.write(JSONText.compact(Tree(values)) + "\n")
        case .yaml: try StandardOutput.write(YAMLText.document(Tree(values)))
        }
    }
}
