import Testing

/// The system as a person meets it: the real daemon, the real client, the stock client, real containers.
///
/// One after the other, since they share the host: every suite of this module is an extension of this one.
@Suite(.serialized) struct SystemTests {}
