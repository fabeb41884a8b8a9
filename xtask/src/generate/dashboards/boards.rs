//! What the dashboards show. In an expression `@` stands for the chosen jobs and instances, `#` for these and the chosen
//! object.

mod controller;
mod object;
mod overview;
mod vault;

use super::Board;

/// All dashboards.
pub(super) const ALL: &[Board] = &[overview::OVERVIEW, object::OBJECT, vault::VAULT, controller::HEALTH];
