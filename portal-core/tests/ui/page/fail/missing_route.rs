use portal_core::page;

#[page(title = "Users")]
async fn users() -> maud::Markup {
    maud::html! {}
}

#[page]
async fn team() -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = (users().url(), team().url());
}
