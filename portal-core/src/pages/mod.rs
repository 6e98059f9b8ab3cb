//! Pages with layout, navigation and access.

mod content;
mod errors;
mod flash;
mod nav;
mod page;
mod render;
mod router;
mod sign_in;

pub use content::{IntoPage, PageResponse};
pub use flash::{Flash, FlashKind};
pub use nav::{Nav, NavItem};
pub use page::Page;

pub(crate) use errors::{accepts_html, error_document, fallback};
pub(crate) use page::{PageFuture, Respond};
pub(crate) use render::PageSetup;
pub(crate) use router::mount;
pub(crate) use sign_in::pages as sign_in_pages;
