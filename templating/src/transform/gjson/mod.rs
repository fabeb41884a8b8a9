//! The gjson path language (dialect of gjson 1.18): decides what a `property` leads to.
//!
//! The document need not be valid JSON: a path takes what it can find. Work and depth are bounded, nothing panics.

mod eval;
mod layout;
mod modifiers;
mod multipath;
mod path;
mod pattern;
mod query;
mod scan;
mod value;

pub use value::{Kind, Value};

use crate::limits::{MAX_BUILT_BYTES, MAX_DEPTH, MAX_PATH_BYTES};

/// Why a path was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GjsonError {
    /// The path is longer than [`MAX_PATH_BYTES`].
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// Path or document are nested deeper than [`MAX_DEPTH`].
    #[error("path or document are nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The path builds more than [`MAX_BUILT_BYTES`], or reads the document too often.
    #[error("the path builds more than {MAX_BUILT_BYTES} bytes, or reads the document too often")]
    TooLarge,
}

/// What `path` leads to in `document`.
///
/// # Errors
///
/// A path that breaks a limit. One that leads nowhere is a [`Value`] that does not exist.
pub fn get<'a>(document: &'a [u8], path: &str) -> Result<Value<'a>, GjsonError> {
    if path.len() > MAX_PATH_BYTES {
        return Err(GjsonError::TooLong);
    }
    let mut work = eval::Work::default();
    let value = work.get(document, path.as_bytes());
    work.exceeded.map_or(Ok(value), Err)
}

/// The path that leads to the top-level member of exactly this name.
pub fn escaped(name: &str) -> String {
    let mut path = String::with_capacity(name.len() + 8);
    for character in name.chars() {
        if !(character.is_alphanumeric() || matches!(character, '_' | '-' | ':')) && character >= ' ' {
            path.push('\\');
        }
        path.push(character);
    }
    path
}
