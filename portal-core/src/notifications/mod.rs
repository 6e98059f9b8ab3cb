//! Notifications: stored per user, shown under the bell, updated live.
//!
//! Applications send them through [`Notifications`]. The portal itself sends them for tasks that
//! were slow or failed, for changes to accounts, and for messages written by administrators.

mod accounts;
mod api;
mod audience;
mod cursor;
mod list;
mod message;
mod page;
mod record;
mod send_form;
mod service;
mod table;
mod unread;

pub use audience::Audience;
pub use message::Notification;
pub use record::NotificationRecord;
pub use service::{NotificationFilter, Notifications};

pub(crate) use accounts::AccountMessages;
pub(crate) use api::routes;
pub(crate) use message::excerpt;
pub(crate) use page::pages;
pub(crate) use service::send_in;
