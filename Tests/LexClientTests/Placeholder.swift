import Testing

@Suite struct LexClientPlaceholder {}
