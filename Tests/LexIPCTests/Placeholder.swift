import Testing

@Suite struct LexIPCPlaceholder {}
