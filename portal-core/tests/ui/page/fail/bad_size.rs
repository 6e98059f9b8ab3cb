use portal_core::page;

#[page("/pictures", method = post, max_body = "20MB")]
async fn picture(_body: String) -> maud::Markup {
    maud::html! {}
}

#[page("/files", method = post, max_body = 1048576)]
async fn file(_body: String) -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = (picture().url(), file().url());
}
