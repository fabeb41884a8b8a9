//! Turns what a store holds into what a Secret holds: pure engines and transforms.

#![deny(missing_docs)]

pub mod engine;
mod json;
pub mod limits;
pub mod transform;

pub use json::JsonFault;
