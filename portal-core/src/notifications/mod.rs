//! What the bell shows: messages for a user, stored and live.
//!
//! Code of the application sends them through [`Notifications`]; the portal itself tells a user of
//! his tasks that took long or failed, of changes to his account, and what an administrator writes.

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
