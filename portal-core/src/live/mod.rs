//! Live regions: parts of a page that re-render when a topic changes.
//!
//! A region names a topic. When something under that topic changes, the region is rendered again
//! for each user who is viewing it, according to their current permissions. Only topic names are
//! sent: to each browser tab over one event stream, and between replicas as cluster events of the
//! store. The browser requests the changed content like any other page.

mod cursor;
mod event_stream;
mod handler;
mod hub;
mod region;
mod service;
mod stream;
mod stream_limit;
mod topics;

pub use region::{Region, region};
pub use service::Live;

pub(crate) use cursor::read_mark_time;
pub(crate) use event_stream::{
    EventStream, KEEP_ALIVE, RECONNECT_DELAY, event_stream, last_event_id,
};
pub(crate) use handler::routes;
pub(crate) use stream_limit::StreamPermit;
pub(crate) use topics::{OWN_TASKS, Topics};
