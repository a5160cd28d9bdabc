import Testing

@Suite struct LexDaemonPlaceholder {}
