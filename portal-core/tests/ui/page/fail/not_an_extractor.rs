use portal_core::page;

#[page("/first")]
async fn first(_flag: bool, _method: axum::http::Method) -> maud::Markup {
    maud::html! {}
}

#[page("/last")]
async fn last(_list: Vec<bool>) -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = (first().url(), last().url());
}
