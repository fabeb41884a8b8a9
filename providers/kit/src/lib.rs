//! What providers share: HTTP, TLS, login sessions, layers, test stubs.
