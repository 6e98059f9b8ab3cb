//! `/search`: the search page. `/palette`: the same results for the command palette's script.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use maud::{Markup, html};
use url::form_urlencoded;

use super::builtin;
use super::query::SearchQuery;
use super::results::{SearchGroup, lists, options};
use super::source::SearchSources;
use crate::auth::{Access, CurrentUser, Routes};
use crate::error::Result;
use crate::pages::components::{Button, EmptyState, Field, PageHead};
use crate::pages::render::PageRenderer;
use crate::pages::stylesheet::Stylesheet;
use crate::pages::{Href, Page, scope};
use crate::source;
use crate::state::PortalState;

const PATH: &str = "/search";

/// Returns the routes. Everyone has access to the search; the results depend on the caller.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/palette", Access::Public, palette)
        .form()
}

pub(crate) fn page() -> Page {
    Page::get(PATH, show)
        .source(source!(search))
        .title("Search")
}

/// Returns the search text from the parameter `q`.
fn text_of(parts: &Parts) -> String {
    let query = parts.uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let text = pairs.find(|(name, _)| name == "q");
    text.map(|(_, text)| text.into_owned()).unwrap_or_default()
}

async fn palette(
    State(state): State<PortalState>,
    user: Option<CurrentUser>,
    parts: Parts,
) -> Result<Markup> {
    let groups = find(&state, user.as_ref(), &text_of(&parts), &parts.headers).await?;
    Ok(options(&groups))
}

async fn find(
    state: &PortalState,
    user: Option<&CurrentUser>,
    text: &str,
    headers: &HeaderMap,
) -> Result<Vec<SearchGroup>> {
    let setup = state.borrow::<PageRenderer>()?;
    let query = SearchQuery::new(state, user, text);
    let back = Href::from(PATH).query("q", query.text).to_string();
    let mut groups = vec![builtin::pages(setup, &query)];
    groups.extend(state.borrow::<SearchSources>()?.search(query).await);
    groups.push(builtin::actions(setup, &query, headers, &back));
    groups.retain(|group| !group.hits.is_empty());
    Ok(groups)
}

async fn show(
    State(state): State<PortalState>,
    user: Option<CurrentUser>,
    parts: Parts,
) -> Result<Markup> {
    let text = text_of(&parts);
    let groups = find(&state, user.as_ref(), &text, &parts.headers).await?;
    scope::require_stylesheet(Stylesheet::Widgets);
    Ok(html! {
        (PageHead::new("Search").description("Pages, records, tasks and actions that you have access to."))
        form class="pt-find" method="get" action=(Href::from(PATH)) role="search" {
            (Field::search("q", "Search for").id("find").value(text.as_str()).autocomplete("off"))
            (Button::new("Search").solid().submit())
        }
        @if groups.is_empty() {
            (EmptyState::new("search", "Nothing found").text("Try a different search."))
        } @else {
            div class="pt-card pt-found" { (lists(&groups)) }
        }
    })
}
