//! What a reader sees: pages with layout, navigation and access, and the parts they are made of.

mod app_settings;
pub mod assets;
mod bell;
mod brand;
pub mod components;
mod content;
#[cfg(test)]
mod contrast;
pub mod default_layout;
mod encoding;
mod error_art;
mod error_page;
mod errors;
mod flash;
mod gallery;
pub mod layout;
mod layout_parts;
mod nav;
mod page;
mod portal_theme;
mod regions;
mod render;
mod router;
mod search;
mod sign_in;
mod swap;
pub mod theme;
mod theme_choice;
mod theme_form;

pub use app_settings::app_settings;
pub use bell::{Unread, bell};
pub use brand::{Brand, BrandAssets};
pub use content::{IntoPage, PageResponse};
pub use default_layout::{DefaultLayout, PlainLayout, Slot};
pub use layout::{Flash, FlashKind, Layout, NavLink, PageContext, UserSummary};
pub use layout_parts::LayoutParts;
pub use nav::{Nav, NavItem};
pub use page::Page;
pub use search::{SearchGroup, SearchHit, SearchQuery, SearchSource};
pub use theme::{Theme, ThemeChoice};
pub use theme_form::theme_form;

pub(crate) use assets::url as asset_url;
pub(crate) use bell::{PATH as NOTIFICATIONS, UnreadSource};
pub(crate) use brand::routes as brand_routes;
pub(crate) use encoding::accepts_coding;
pub(crate) use errors::{PageError, accepts_html, error_document, fallback, is_api};
pub(crate) use gallery::{page as gallery_page, routes as gallery_routes};
pub(crate) use page::PageFuture;
pub(crate) use portal_theme::PortalTheme;
pub(crate) use render::{MAINTENANCE, PageSetup};
pub(crate) use router::routes;
pub(crate) use search::{SearchSources, page as search_page, routes as search_routes};
pub(crate) use sign_in::pages as sign_in_pages;
pub(crate) use theme_form::{PREFERENCE as THEME_PREFERENCE, routes as theme_routes};
