// Fixtures for tests that run the real thing.
