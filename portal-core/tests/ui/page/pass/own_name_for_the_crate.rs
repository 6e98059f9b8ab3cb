//! `crate = path`, for who re-exports the portal.

mod framework {
    pub(crate) use portal_core as portal;
}

use framework::portal::page;

#[page("/", crate = crate::own_name_for_the_crate::framework::portal)]
async fn home() -> maud::Markup {
    maud::html! {}
}

#[test]
fn the_crate_may_have_another_name() {
    assert_eq!(home().url(), "/");
}
