//! `crate = path`, for who re-exports the portal.

mod framework {
    pub use portal_core as portal;
}

use framework::portal::page;

#[page("/", crate = crate::framework::portal)]
async fn home() -> maud::Markup {
    maud::html! {}
}

fn main() {
    assert_eq!(home().url(), "/");
}
