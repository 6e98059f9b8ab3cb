//! Builtin search sources: pages, and actions that are available everywhere.

use axum::http::HeaderMap;

use super::query::SearchQuery;
use super::results::{SearchGroup, SearchHit};
use crate::pages::render::PageRenderer;
use crate::pages::theme::{Appearance, Density};

pub(super) fn pages(setup: &PageRenderer, query: &SearchQuery<'_>) -> SearchGroup {
    let user = query.account();
    let links = setup.nav.visible(user, "");
    let mut ranked: Vec<(u8, SearchHit)> = Vec::new();
    for link in links {
        let group = link.group.unwrap_or_default();
        let Some(rank) = query
            .rank(&link.label)
            .or_else(|| query.rank(&format!("{} {group}", link.label)).map(|_| 3))
            .or_else(|| {
                let description = setup.nav.description_of(link.href.as_str());
                query
                    .rank(description)
                    .filter(|_| !description.is_empty())
                    .map(|_| 4)
            })
        else {
            continue;
        };
        let hit = SearchHit::link(link.label, link.href).icon(link.icon);
        ranked.push((
            rank,
            if group.is_empty() {
                hit
            } else {
                hit.hint(group)
            },
        ));
    }
    // There are too many of these pages to show before the user types.
    if !query.text.is_empty() {
        for (title, href) in setup.nav.unlisted(user) {
            if let Some(rank) = query.rank(title) {
                ranked.push((rank, SearchHit::link(title, href)));
            }
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    SearchGroup::new("Pages").hits(ranked.into_iter().map(|(_, hit)| hit))
}

pub(super) fn actions(
    setup: &PageRenderer,
    query: &SearchQuery<'_>,
    headers: &HeaderMap,
    back: &str,
) -> SearchGroup {
    let theme = setup.theme_of(headers, query.account());
    let set = |title: &str, glyph: &str, name: &str, value: &str| {
        SearchHit::action(title, "/theme")
            .icon(glyph)
            .field(name, value)
            .field("return_to", back)
            .theme()
    };
    let mut all = Vec::new();
    for (appearance, title, glyph) in [
        (Appearance::Dark, "Switch to dark mode", "moon"),
        (Appearance::Light, "Switch to light mode", "sun"),
        (
            Appearance::Inherit,
            "Use the system's light or dark mode",
            "monitor",
        ),
    ] {
        if theme.appearance != appearance {
            all.push((title, set(title, glyph, "appearance", appearance.as_str())));
        }
    }
    let (density, title) = match theme.density {
        Density::Compact => (Density::Default, "Use comfortable density"),
        Density::Default => (Density::Compact, "Use compact density"),
    };
    all.push((title, set(title, "table", "density", density.as_str())));
    match query.user {
        Some(_) => {
            if let Some(path) = &setup.config.profile_path {
                let hit = SearchHit::link("Open my profile", path).icon("user");
                all.push(("Open my profile", hit));
            }
            let hit = SearchHit::action("Sign out", "/sign-out").icon("log-out");
            all.push(("Sign out", hit));
        }
        None => {
            let hit = SearchHit::link("Sign in", "/sign-in").icon("log-in");
            all.push(("Sign in", hit));
        }
    }
    let found = all.into_iter().filter(|(title, hit)| {
        query.rank(title).is_some() || (hit.is_theme() && query.rank("Theme, appearance").is_some())
    });
    SearchGroup::new("Actions").hits(found.map(|(_, hit)| hit))
}
