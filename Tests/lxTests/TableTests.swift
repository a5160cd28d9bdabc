import Testing

@testable import lx

@Suite struct TableTests {
    private let table = Table(
        headers: ["NAME", "IPV4", "user.foo"],
        sorting: [
            ["web10", "10.0.0.2 (eth0)\n10.0.0.1 (eth1)", ""], ["web2", "", "a"], ["web1", "10.0.0.3 (eth0)", "日本"],
        ])

    @Test func aFramedTableHasCenteredTitlesAndALineUnderEachRow() {
        #expect(
            table.framed() == """
                +-------+-----------------+----------+
                | NAME  |      IPV4       | USER FOO |
                +-------+-----------------+----------+
                | web1  | 10.0.0.3 (eth0) | 日本     |
                +-------+-----------------+----------+
                | web2  |                 | a        |
                +-------+-----------------+----------+
                | web10 | 10.0.0.2 (eth0) |          |
                |       | 10.0.0.1 (eth1) |          |
                +-------+-----------------+----------+

                """)
    }

    @Test func aTableWithoutRowsIsItsTitles() {
        let empty = Table(headers: ["NAME", "STATE"], rows: [])
        #expect(empty.framed() == "+------+-------+\n| NAME | STATE |\n+------+-------+\n")
        #expect(empty.compact() == "  NAME  STATE  \n")
        #expect(empty.commaSeparated() == "")
    }

    @Test func aCompactTableHasNoBorders() {
        let table = Table(headers: ["NAME", "STATE"], rows: [["a", "STOPPED"], ["hlx-a", "RUNNING"]])
        #expect(table.compact() == "  NAME    STATE   \n  a      STOPPED  \n  hlx-a  RUNNING  \n")
    }

    @Test func commaSeparatedValuesAreQuotedWhereNeeded() {
        let table = Table(
            headers: ["A", "B"], rows: [["x,y", "say \"hi\""], [" lead", "two\nlines"], ["", "plain"]])
        #expect(table.commaSeparated() == "\"x,y\",\"say \"\"hi\"\"\"\n\" lead\",\"two\nlines\"\n,plain\n")
    }

    @Test func rowsStandInTheOrderAPersonPutsThem() {
        let names = ["c10", "c2", "", "a", "c02", "c2a", "B"]
        let table = Table(headers: ["NAME"], sorting: names.map { [$0] })
        #expect(table.rows.compactMap(\.first) == ["B", "a", "c2", "c2a", "c02", "c10", ""])
    }

    @Test func volumesStandAsTheStockClientHasThem() {
        let rows = [
            ["custom", "v10", ""], ["custom (snapshot)", "v2/s10", ""], ["container", "z", ""], ["custom", "v2", "x"],
            ["custom (snapshot)", "v2/s2", ""], ["container (snapshot)", "z/s0", ""], ["custom", "", ""],
        ]
        #expect(
            rows.sorted(by: StorageVolumeColumn.isInOrder).map { $0[1] }
                == ["z", "z/s0", "v2", "v2/s2", "v2/s10", "v10", ""])
        // With others in front the order is still one.
        let described = [["b", "custom"], ["", "custom (snapshot)"], ["b", "container"], ["", "custom"]]
        #expect(
            described.sorted(by: StorageVolumeColumn.isInOrder)
                == [["", "custom"], ["", "custom (snapshot)"], ["b", "container"], ["b", "custom"]])
    }

    @Test(arguments: [("abc", 3), ("", 0), ("ü", 1), ("e\u{301}", 1), ("日本", 4), ("😀", 2), ("ﬁ", 1)])
    func widthIsCountedInColumns(_ text: String, _ width: Int) {
        #expect(TextWidth.of(text) == width)
    }
}
