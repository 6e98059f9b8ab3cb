use portal_core::page;

#[page("/deals", nav(icon = "handshake"))]
async fn deals() -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = deals();
}
