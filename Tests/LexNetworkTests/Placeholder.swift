import Testing

@Suite struct LexNetworkPlaceholder {}
