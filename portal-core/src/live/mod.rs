//! Parts of a page that stay true: a region names a topic, and is drawn anew, for whoever is
//! looking and with his rights at that moment, when something of that topic changes.
//!
//! Only the names of topics travel: over one stream of server-sent events a tab, and between
//! replicas as notifications of the store. What has changed is asked for like any page.

mod hub;
mod mark;
mod open;
mod places;
mod region;
mod service;
mod stream;
mod topics;

pub use region::{Region, region};
pub use service::Live;

pub(crate) use mark::read_mark_time;
pub(crate) use open::routes;
pub(crate) use places::Place;
pub(crate) use topics::{OWN_TASKS, Topics};
