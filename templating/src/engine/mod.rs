//! The template engines.

pub mod go_template;
pub mod handlebars;
mod near;
