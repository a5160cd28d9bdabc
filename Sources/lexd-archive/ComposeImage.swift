import LexIPC
func composeImage(_ composition: ImageComposition, output: consuming OwnedDescriptor, _ replies: Replies) throws -> ArchiveResult {
    throw Refusal("not yet")
}
