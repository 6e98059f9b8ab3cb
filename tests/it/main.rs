//! Integration tests: a real portal on a real database, over real sockets.
//!
//! Run them with `cargo xtask test`, which starts PostgreSQL and a browser driver.

mod app;
mod smoke;
mod support;
