use portal_core::page;

#[page("/users")]
async fn users<T: Default>() -> maud::Markup {
    maud::html! {}
}

#[page("/team")]
async fn team(_members: Option<impl Sized>) -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = (users().url(), team().url());
}
