//! What the macros accept, and what they say about what they don't.
//!
//! A `.stderr` belongs to the toolchain of CI. After a wanted change of a message, write them anew
//! with `TRYBUILD=overwrite cargo test -p portal-core --test ui` and read the difference.
#![cfg(feature = "macros")]

#[test]
fn good_items_compile_and_run() {
    let tests = trybuild::TestCases::new();
    tests.pass("tests/ui/*/pass/*.rs");
}

#[test]
fn each_mistake_is_explained_where_it_is() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/ui/*/fail/*.rs");
}
