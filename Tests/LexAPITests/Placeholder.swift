import Testing

@Suite struct LexAPIPlaceholder {}
