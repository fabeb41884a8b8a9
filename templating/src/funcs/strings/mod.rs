//! The functions on text, by what they do to it.

pub(super) mod cases;
pub(super) mod checks;
pub(super) mod cuts;
pub(super) mod layout;
pub(super) mod parts;
pub(super) mod print;
pub(super) mod random;
pub(super) mod words;
pub(super) mod wrap;
