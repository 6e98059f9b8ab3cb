//! Servers, browsers and portals as child processes, for tests, tools and benchmarks.
//!
//! All functions that wait block the thread. Asynchronous callers use `spawn_blocking`.
//!
//! | module | content |
//! | --- | --- |
//! | [`process`] | child processes in their own group, stopped on drop |
//! | [`launch`] | finding free ports, starting servers and waiting until they are ready |
//! | [`postgres`] | PostgreSQL clusters and servers |
//! | [`chromedriver`], [`browser`], [`chromium`] | the WebDriver, its sessions, browser settings |
//! | [`portal`], [`account`] | the reference portal, and users who sign in to it |
//! | [`worker`] | a program that starts itself again as a server |
//! | [`interrupt`] | signals such as Ctrl-C, which end a wait |

pub mod account;
pub mod browser;
pub mod chromedriver;
pub mod chromium;
pub mod interrupt;
pub mod launch;
mod log;
pub mod portal;
pub mod postgres;
pub mod process;
mod system_account;
pub mod worker;

pub use account::Person;
pub use browser::Browser;
pub use chromedriver::Chromedriver;
pub use interrupt::{Interrupt, Interrupted};
pub use portal::{Portal, Program};
pub use postgres::{Cluster, Durability, Postgres};
pub use process::Process;
/// A signal that can be sent to a process.
pub use rustix::process::Signal;
