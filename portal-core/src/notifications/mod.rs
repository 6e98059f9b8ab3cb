//! Notifications: stored per user, shown under the bell and updated live.
//!
//! Applications send them through [`Notifications`]. The portal itself sends them about slow or
//! failed tasks and changes to accounts, and for messages written by administrators.

mod account_events;
mod api;
mod audience;
mod cursor;
mod list;
mod notification;
mod page;
mod record;
mod send_form;
mod service;
mod table;
mod unread_cache;

pub use audience::Audience;
pub use notification::Notification;
pub use record::NotificationRecord;
pub use service::{NotificationFilter, Notifications};

pub(crate) use account_events::AccountNotifier;
pub(crate) use api::routes;
pub(crate) use notification::excerpt;
pub(crate) use page::pages;
pub(crate) use service::send_in;
