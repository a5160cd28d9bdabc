import Testing

@Suite struct LexInstancePlaceholder {}
