//! The template engines.

pub mod go_template;
pub mod handlebars;
pub mod near;
