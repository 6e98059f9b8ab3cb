//! What the macros accept, and what they say about what they don't.
//!
//! A `.stderr` belongs to the toolchain of CI. After a wanted change of a message, write them anew
//! with `TRYBUILD=overwrite cargo test -p portal-core --test ui` and read the difference.
#![cfg(feature = "macros")]

// Good items are part of this program: given to `trybuild` as well, it would have to build every
// dependency a second time, not only check it.
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
fn each_mistake_is_explained_where_it_is() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/ui/*/fail/*.rs");
}
