use portal_core::page;

#[page("/users", requires_admin, requires_auth = false)]
async fn users() -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = users().url();
}
