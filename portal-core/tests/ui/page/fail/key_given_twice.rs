use portal_core::page;

#[page("/users", title = "Users", title = "Team")]
async fn users() -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = users().url();
}
