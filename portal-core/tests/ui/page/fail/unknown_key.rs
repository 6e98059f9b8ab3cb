use portal_core::page;

#[page("/users", titel = "Users")]
async fn users() -> maud::Markup {
    maud::html! {}
}

#[page("/team", colour = "red")]
async fn team() -> maud::Markup {
    maud::html! {}
}

#[page("/help", nav(lable = "Help"), method = POST)]
async fn help() -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = (users().url(), team().url(), help().url());
}
