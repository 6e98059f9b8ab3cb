//! Live regions: parts of a page that re-render when a topic changes.
//!
//! A region names a topic. When something of that topic changes, it is rendered again for each user
//! who is viewing it, with their current permissions. Only topic names are transferred: to a tab
//! over one stream of server-sent events, and between replicas as cluster events of the store. The
//! changed content is requested like any page.

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
