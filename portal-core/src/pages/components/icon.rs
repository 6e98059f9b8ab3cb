//! Icons, inlined into the page.

use std::collections::HashMap;
use std::sync::LazyLock;

use maud::{Markup, PreEscaped, html};

macro_rules! icons {
    ($($name:literal),+ $(,)?) => {
        /// Sorted by name.
        const ICONS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../assets/icons/", $name, ".svg")))),+];

        /// Message for a name that does not exist.
        pub(crate) const UNKNOWN_ICON: &str =
            concat!("unknown icon name; use one of", $(" ", $name),+);
    };
}

icons!(
    "activity",
    "arrow-down",
    "arrow-left",
    "arrow-right",
    "arrow-up",
    "ban",
    "bell",
    "book-open",
    "box",
    "calendar",
    "check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "chevron-up",
    "chevrons-up-down",
    "circle-alert",
    "circle-check",
    "circle-help",
    "circle-x",
    "clock",
    "code",
    "columns-3",
    "copy",
    "database",
    "download",
    "ellipsis",
    "external-link",
    "eye",
    "file-text",
    "globe",
    "history",
    "house",
    "inbox",
    "info",
    "key-round",
    "keyboard",
    "layout-dashboard",
    "list-checks",
    "loader-circle",
    "lock",
    "log-in",
    "log-out",
    "mail",
    "menu",
    "minus",
    "monitor",
    "moon",
    "palette",
    "panel-left",
    "pause",
    "pencil",
    "play",
    "plus",
    "refresh-cw",
    "rotate-ccw",
    "save",
    "search",
    "server",
    "settings",
    "shield",
    "shield-check",
    "sliders-horizontal",
    "sun",
    "table",
    "trash-2",
    "triangle-alert",
    "undo-2",
    "upload",
    "user",
    "user-plus",
    "users",
    "wrap-text",
    "x",
    "zap",
);

/// Returns the names of all icons that [`icon`] renders.
pub fn icon_names() -> impl Iterator<Item = &'static str> {
    ICONS.iter().map(|(name, _)| *name)
}

/// Returns `true` if an icon has this name; `const`, so that names are checked at compile time.
pub(crate) const fn is_icon(name: &str) -> bool {
    let mut at = 0;
    while at < ICONS.len() {
        if is_equal(ICONS[at].0.as_bytes(), name.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

fn shapes(name: &str) -> Option<&'static str> {
    static SHAPES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        let inner = |svg: &'static str| {
            let (_, inner) = svg.split_once('>')?;
            inner.trim_end().strip_suffix("</svg>")
        };
        let icons = ICONS.iter();
        icons
            .filter_map(|(name, svg)| Some((*name, inner(svg)?)))
            .collect()
    });
    SHAPES.get(name).copied()
}

/// Renders a 16px Lucide icon, hidden from assistive technology.
///
/// The text next to it carries the meaning. A name that is not among the [`icon_names`] renders an
/// empty square.
///
/// ```
/// use portal_core::pages::components::icon;
///
/// assert!(icon("user").into_string().starts_with("<svg class=\"pt-icon\""));
/// ```
#[must_use]
pub fn icon(name: &str) -> Markup {
    sized_icon(name, 1)
}

/// Renders an [`icon`] of 16, 20 or 24px (`size` 1, 2 or 3).
#[must_use]
pub fn sized_icon(name: &str, size: u8) -> Markup {
    let mut svg = String::new();
    write_icon(&mut svg, name, size);
    PreEscaped(svg)
}

/// Writes an icon directly into the page, because each page has dozens of icons.
pub(super) fn write_icon(out: &mut String, name: &str, size: u8) {
    let shapes = shapes(name).unwrap_or(r#"<rect x="4" y="4" width="16" height="16" rx="3"/>"#);
    let size = match size {
        2 => r#" data-size="2""#,
        3 => r#" data-size="3""#,
        _ => "",
    };
    // Arrows point the other way in right-to-left text.
    let turns = match name {
        "arrow-left" | "arrow-right" | "chevron-left" | "chevron-right" => " data-turns",
        _ => "",
    };
    let pieces = [
        r#"<svg class="pt-icon""#,
        size,
        turns,
        r#" viewBox="0 0 24 24" aria-hidden="true">"#,
        shapes,
        "</svg>",
    ];
    out.reserve(pieces.iter().map(|piece| piece.len()).sum());
    out.extend(pieces);
}

/// Renders the portal's logo, in the accent color.
#[must_use]
pub fn logo() -> Markup {
    html! {
        svg class="pt-logo" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true" {
            path d="M7.5 18.5v-7a4.5 4.5 0 0 1 9 0v7" {}
            path d="M12 18.5V12" opacity=".6" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn icon_table_is_sorted_and_every_icon_has_shapes() {
        let names: Vec<_> = icon_names().collect();
        assert!(names.is_sorted());
        for name in names {
            let inner = shapes(name).unwrap();
            assert!(
                inner.starts_with('<') && inner.ends_with("/>"),
                "{name}: {inner}"
            );
        }
    }

    #[test]
    fn every_icon_named_in_the_source_exists() {
        fn visit(folder: &std::path::Path, missing: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    visit(&path, missing);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let source = std::fs::read_to_string(&path).unwrap();
                    for opening in ["icon(\"", "sized_icon(\""] {
                        for (at, _) in source.match_indices(opening) {
                            let name = source[at + opening.len()..].split('"').next().unwrap();
                            if shapes(name).is_none() {
                                missing.push(format!("{name} in {}", path.display()));
                            }
                        }
                    }
                }
            }
        }
        let mut missing = Vec::new();
        visit(
            &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut missing,
        );
        assert!(missing.is_empty(), "{missing:?}");
    }
}
