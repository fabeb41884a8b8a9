//! Development tasks: demo, test, test bed.
fn main() {}
