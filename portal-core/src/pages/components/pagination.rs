use maud::{Markup, Render, html};

use super::icon;
use crate::pages::stylesheet::Stylesheet;
use crate::pages::{Href, scope};

/// Page numbers, the total number of rows, and the number of rows per page.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::Pagination;
///
/// let pages = Pagination::new(2, 10, 57, |page| format!("?page={page}")).render().into_string();
/// assert!(pages.contains("11–20 of 57"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Pagination {
    page: u64,
    per_page: u64,
    total: u64,
    links: Vec<(u64, Href<'static>)>,
    previous: Option<Href<'static>>,
    next: Option<Href<'static>>,
    sizes: Option<SizeForm>,
}

#[derive(Debug, Clone)]
pub(super) struct SizeForm {
    action: Href<'static>,
    sizes: Vec<u64>,
    keep: Vec<(String, String)>,
}

impl SizeForm {
    pub(super) fn new(action: Href<'static>, sizes: &[u64], keep: &[(&str, &str)]) -> Self {
        Self {
            action,
            sizes: sizes.to_vec(),
            keep: keep
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    pub(super) fn render(&self, present: u64) -> Markup {
        html! {
            form method="get" action=(self.action) data-autosubmit {
                @for (name, value) in &self.keep { input type="hidden" name=(name) value=(value); }
                label for="f-per-page" { "Rows" }
                span class="pt-select" {
                    select class="pt-input" data-size="1" id="f-per-page" name="per_page" {
                        @for size in &self.sizes { option value=(size) selected[*size == present] { (size) } }
                    }
                    (icon("chevron-down"))
                }
                button type="submit" class="pt-btn pt-no-js" data-size="1" { "Show" }
            }
        }
    }
}

/// Renders the link to the previous or next page, disabled if there is no URL.
fn step(href: Option<&Href<'_>>, label: &str, glyph: &str) -> Markup {
    html! {
        li {
            @match href {
                Some(href) => a href=(href) aria-label=(label) { (icon(glyph)) },
                None => span aria-disabled="true" role="link" aria-label=(label) { (icon(glyph)) },
            }
        }
    }
}

/// Returns the page numbers to show: both ends, and the neighbors of the current page.
fn shown(page: u64, pages: u64) -> Vec<u64> {
    (1..=pages)
        .filter(|number| *number == 1 || *number == pages || number.abs_diff(page) <= 1)
        .collect()
}

impl Pagination {
    /// Creates a pagination control; `page` is 1-based, and `href` returns the URL of a given page.
    pub fn new(page: u64, per_page: u64, total: u64, href: impl Fn(u64) -> String) -> Self {
        let href = |number| Href::from(href(number));
        let per_page = per_page.max(1);
        let pages = total.div_ceil(per_page).max(1);
        let page = page.clamp(1, pages);
        Self {
            page,
            per_page,
            total,
            links: shown(page, pages)
                .into_iter()
                .map(|number| (number, href(number)))
                .collect(),
            previous: (page > 1).then(|| href(page - 1)),
            next: (page < pages).then(|| href(page + 1)),
            sizes: None,
        }
    }

    /// Lets the user choose the page size.
    ///
    /// Adds a GET form to `action` that submits `per_page` along with the query parameters in
    /// `preserve`.
    pub fn sizes<'h>(
        mut self,
        action: impl Into<Href<'h>>,
        sizes: &[u64],
        preserve: &[(&str, &str)],
    ) -> Self {
        self.sizes = Some(SizeForm::new(action.into().into_owned(), sizes, preserve));
        self
    }

    fn numbers(&self) -> Markup {
        html! {
            nav aria-label="Pages" {
                ul {
                    (step(self.previous.as_ref(), "Previous page", "chevron-left"))
                    @for (at, (number, href)) in self.links.iter().enumerate() {
                        @let gap = at > 0 && self.links.get(at - 1).is_some_and(|(before, _)| before + 1 < *number);
                        @if gap { li data-far { span aria-hidden="true" { "…" } } }
                        @let far = number.abs_diff(self.page) > 1;
                        li data-far[far] {
                            a href=(href) aria-label={ "Page " (number) } aria-current=[(*number == self.page).then_some("page")] { (number) }
                        }
                    }
                    (step(self.next.as_ref(), "Next page", "chevron-right"))
                }
            }
        }
    }
}

impl Render for Pagination {
    fn render(&self) -> Markup {
        let first = if self.total == 0 {
            0
        } else {
            (self.page - 1) * self.per_page + 1
        };
        let last = (self.page * self.per_page).min(self.total);
        scope::require_stylesheet(Stylesheet::Table);
        html! {
            div class="pt-pages" {
                @if let Some(form) = &self.sizes {
                    (form.render(self.per_page))
                }
                span role="status" { (first) "–" (last) " of " (self.total) }
                (self.numbers())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn ends_and_neighbors_of_current_page_are_shown() {
        assert_eq!(shown(1, 1), [1]);
        assert_eq!(shown(1, 9), [1, 2, 9]);
        assert_eq!(shown(5, 9), [1, 4, 5, 6, 9]);
    }
}
