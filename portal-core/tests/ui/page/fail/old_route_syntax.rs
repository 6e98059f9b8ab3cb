use portal_core::page;

#[page("/users/:id")]
async fn user() -> maud::Markup {
    maud::html! {}
}

#[page("/files/*path")]
async fn file() -> maud::Markup {
    maud::html! {}
}

#[page("users/:id")]
async fn team() -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = (user().url(), file().url(), team().url());
}
