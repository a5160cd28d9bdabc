import CArchive
import CLexLinux
import Glibc
import LexIPC

/// A tar, whatever it is compressed with.
@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let file = OwnedDescriptor(taking: lex_memfd("archive"))
    guard count == 0 || write(file.number, start, count) == count else { return 0 }
    lseek(file.number, 0, SEEK_SET)
    do {
        try walk(ArchiveReader(descriptor: file.number))
    } catch let refusal as Refusal {
        precondition(!refusal.sentence.isEmpty && !refusal.sentence.contains("\n"))
    } catch {
        // The kernel's and libarchive's own.
    }
    withExtendedLifetime(file) {}
    return 0
}
