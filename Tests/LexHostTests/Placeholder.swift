import Testing

@Suite struct LexHostPlaceholder {}
