use portal_core::page;

#[page("/users", title = Users, requires_auth = "yes", nav(order = "first"))]
async fn users() -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = users().url();
}
