//! Compile tests of the macros: accepted items, and the errors for rejected ones.
//!
//! The `.stderr` files match the toolchain of CI. After an intended change to a message, update them
//! with `TRYBUILD=overwrite cargo test -p portal-core --test ui` and review the diff.
#![cfg(feature = "macros")]

// Accepted items are compiled with this program: passing them to `trybuild` would make it build
// all dependencies a second time instead of only checking them.
#[path = "ui/page/pass/attributes.rs"]
pub mod attributes;
#[path = "ui/page/pass/handlers.rs"]
pub mod handlers;
#[path = "ui/admin_model/pass/models.rs"]
pub mod models;
#[path = "ui/page/pass/own_name_for_the_crate.rs"]
mod own_name_for_the_crate;
#[path = "ui/task/pass/tasks.rs"]
pub mod tasks;

#[test]
fn mistakes_are_reported_at_their_location() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/ui/*/fail/*.rs");
}
