//! What stands around every route: request id, origin check, headers, contained panics.

mod headers;
mod origin;
mod outer;

pub(crate) use origin::Origins;
pub(crate) use outer::{catch_panics, outer};
