use std::collections::HashMap;

use axum::Form;
use axum::extract::Query;
use portal_core::page;

type Fields = HashMap<String, String>;

#[page("/users", method = post)]
async fn users(form: Form<Fields>, query: Query<Fields>) -> maud::Markup {
    maud::html! { (form.len()) (query.len()) }
}

fn main() {
    let _ = users().url();
}
