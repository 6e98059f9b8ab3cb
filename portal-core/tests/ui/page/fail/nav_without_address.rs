use portal_core::page;

#[page("/users/{id}", nav)]
async fn user() -> maud::Markup {
    maud::html! {}
}

#[page("/users", method = post, nav)]
async fn add_user() -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = (user().url(), add_user().url());
}
