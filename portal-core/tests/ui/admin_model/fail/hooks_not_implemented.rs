//! `hooks` without an implementation of the hooks.

use portal_core::admin_model;

#[admin_model(hooks)]
struct Plan {
    id: i64,
}

fn main() {}
