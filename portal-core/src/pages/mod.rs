//! What a reader sees: pages with layout, navigation and access, and the parts they are made of.

pub mod assets;
pub mod components;
mod content;
#[cfg(test)]
mod contrast;
pub mod default_layout;
mod errors;
mod flash;
mod gallery;
pub mod layout;
mod nav;
mod page;
mod render;
mod router;
mod search;
mod sign_in;
mod swap;
pub mod theme;
mod theme_form;

pub use content::{IntoPage, PageResponse};
pub use default_layout::{DefaultLayout, PlainLayout};
pub use layout::{Flash, FlashKind, Layout, NavLink, PageContext, UserSummary};
pub use nav::{Nav, NavItem};
pub use page::Page;
pub use search::{SearchGroup, SearchHit, SearchQuery, SearchSource};
pub use theme::Theme;
pub use theme_form::theme_form;

pub(crate) use errors::{accepts_html, error_document, fallback, is_api};
pub(crate) use gallery::{page as gallery_page, routes as gallery_routes};
pub(crate) use page::PageFuture;
pub(crate) use render::PageSetup;
pub(crate) use router::routes;
pub(crate) use search::{SearchSources, page as search_page, routes as search_routes};
pub(crate) use sign_in::pages as sign_in_pages;
pub(crate) use theme_form::{PREFERENCE as THEME_PREFERENCE, routes as theme_routes};
