//! `cfg`, docs and visibility belong to the constructor, and a `macro_rules!` can write pages.
#![deny(warnings, missing_docs, unreachable_pub)]

use maud::{Markup, html};
use portal_core::page;

/// Pages of a module.
pub mod pages {
    use super::*;

    /// Users
    #[page("/users")]
    #[deprecated]
    #[expect(unused_variables, reason = "lint levels reach the handler")]
    pub async fn users(method: axum::http::Method) -> Markup {
        html! {}
    }

    /// Stays unknown
    #[page("/gone")]
    #[cfg(any())]
    pub async fn gone(missing: Missing) -> Markup {
        html! {}
    }
}

macro_rules! pages {
    ($($name:ident at $route:literal),*) => {
        $(
            #[page($route, title = "Written by a macro")]
            async fn $name(uri: axum::http::Uri) -> Markup {
                html! { (uri.path()) }
            }
        )*
    };
}

pages!(one at "/one", two at "/two");

// Neither of these is hidden by what the macro writes.
struct Handler;

fn respond() -> Handler {
    Handler
}

#[page("/names")]
async fn names() -> Markup {
    let _: Handler = respond();
    html! {}
}

#[test]
fn attributes_go_where_they_belong() {
    #[expect(deprecated)]
    let users = pages::users();
    assert_eq!(users.url(), "/users");
    assert_eq!(
        [one().url(), two().url(), names().url()],
        ["/one", "/two", "/names"]
    );
}
