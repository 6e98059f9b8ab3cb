use std::rc::Rc;

use portal_core::page;

#[page("/users")]
async fn users() -> maud::Markup {
    let counter = Rc::new(1);
    std::future::ready(()).await;
    maud::html! { (counter) }
}

fn main() {
    let _ = users().url();
}
