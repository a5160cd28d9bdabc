import Testing

@Suite struct lxPlaceholder {}
