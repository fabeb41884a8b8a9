//! The pure steps between a store's payload and a Secret's data (spec eso-core 2.5).

pub mod decode;
pub mod find;
pub mod gjson;
pub mod go_regex;
pub mod keys;
pub mod null_bytes;
pub mod rewrite;
pub mod select;

pub use go_regex::PatternError;
