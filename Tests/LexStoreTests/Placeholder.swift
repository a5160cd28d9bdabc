import Testing

@Suite struct LexStorePlaceholder {}
