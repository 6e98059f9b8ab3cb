use portal_core::page;

struct Edit {
    _name: String,
}

#[page("/edit", method = post)]
async fn edit(_form: axum::Form<Edit>) -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = edit();
}
