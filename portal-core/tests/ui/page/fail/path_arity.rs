use axum::extract::Path;
use portal_core::page;

#[page("/pairs/{id}")]
async fn pair(_ids: Path<(u32, u32)>) -> maud::Markup {
    maud::html! {}
}

#[page("/pairs/{a}/{b}")]
async fn one_of_two(_id: Path<u32>) -> maud::Markup {
    maud::html! {}
}

#[page("/none")]
async fn none(_id: axum::extract::Path<String>) -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = (pair(), one_of_two(), none());
}
