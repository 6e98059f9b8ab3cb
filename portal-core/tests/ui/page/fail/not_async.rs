use portal_core::page;

#[page("/users")]
fn users() -> maud::Markup {
    let users = load().await;
    maud::html! { (users) }
}

async fn load() -> u8 {
    3
}

fn main() {
    let _ = users().url();
}
