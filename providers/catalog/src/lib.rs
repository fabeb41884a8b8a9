//! The list of the providers that are built in.
