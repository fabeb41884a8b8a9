//! The template engines.

pub mod handlebars;
