use portal_core::page;

#[page("users")]
async fn users() -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = users().url();
}
