use portal_core::page;

#[page("/one", requires_role = "chief editor")]
async fn one() -> maud::Markup {
    maud::html! {}
}

#[page("/two", requires_permission = "Write articles")]
async fn two() -> maud::Markup {
    maud::html! {}
}

#[page("/three", requires_role = "admin")]
async fn three() -> maud::Markup {
    maud::html! {}
}

#[page("/four", requires_role = "editor", requires_permission = "articles:write")]
async fn four() -> maud::Markup {
    maud::html! {}
}

#[page("/five", requires_role = "editor", requires_auth = false)]
async fn five() -> maud::Markup {
    maud::html! {}
}

#[page("/six", requires_admin, requires_role = "editor")]
async fn six() -> maud::Markup {
    maud::html! {}
}

fn main() {
    let _ = (one().url(), two().url(), three().url(), four().url(), five().url(), six().url());
}
