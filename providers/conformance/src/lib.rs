//! One suite of cases that every provider passes.
