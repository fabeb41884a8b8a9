//! Turns what a store holds into what a Secret holds: pure engines and transforms.

#![deny(missing_docs)]

pub mod engine;
mod funcs;
mod json;
pub mod limits;
pub mod transform;
mod value;
mod yaml;

pub use funcs::Random;
pub use json::JsonFault;
pub use yaml::{YamlFault, key_values, typed};
