import LexAPI
import LexInstance
import LexTestKit
import Testing

@Suite struct MountTableTests {
    @Test func linesAreRead() {
        let text = """
            36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:3 - ext3 /dev/root rw,errors=continue
            37 36 0:5 / /a\\040b\\134c ro - tmpfs  rw
            38 36 0:6 / /proc rw - proc proc
            x
            39 36 0:6 / /x rw shared:1 proc proc rw

            """
        let mounts = MountTable.parse(text)
        #expect(
            mounts == [
                Instance.Explanation.Mount(
                    path: "/mnt2", source: "/dev/root", root: "/mnt1", type: "ext3",
                    options: "rw,noatime;rw,errors=continue"),
                Instance.Explanation.Mount(path: "/a b\\c", source: "", root: "/", type: "tmpfs", options: "ro;rw"),
            ])
    }

    /// Whatever a guest makes of it, it ends, and in bounds.
    @Test func anyTextIsRead() {
        var random = SeededGenerator("mount tables")
        for _ in 0..<2000 {
            let parts = ["36 35 98:0 ", "/ ", "- ", "\\", "\\0", "\\777", "\\040", "ext4 ", "\n", "ü", "rw ", " "]
            let text = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                parts[Int.random(in: 0..<parts.count, using: &random)]
            }
            #expect(MountTable.parse(text.joined()).count <= MountTable.most)
        }
        let many = String(repeating: "36 35 98:0 / / rw - ext4 x rw\n", count: 5000)
        #expect(MountTable.parse(many).count == MountTable.most)
    }
}
