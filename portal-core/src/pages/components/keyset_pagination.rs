use maud::{Markup, Render, html};

use super::thousands::grouped;
use super::{Button, pagination::SizeForm};
use crate::pages::stylesheet::Stylesheet;
use crate::pages::{Href, scope};

/// Pagination for a list that is too long to count: previous, next and an estimated total.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::KeysetPagination;
///
/// let pages = KeysetPagination::new(None, Some("?after=42".to_owned())).estimated_total(12_345).render().into_string();
/// assert!(pages.contains("About 12,000 rows"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct KeysetPagination {
    previous: Option<String>,
    next: Option<String>,
    total: Option<String>,
    first: Option<String>,
    last: Option<String>,
    sizes: Option<(SizeForm, u64)>,
    words: [&'static str; 2],
}

/// Formats a number, rounded to two significant digits so that it does not look exact.
fn estimate(number: u64) -> String {
    let digits = number.checked_ilog10().unwrap_or(0);
    let unit = 10_u64.pow(digits.saturating_sub(1));
    grouped(&(number / unit * unit).to_string())
}

fn link<'a>(href: Option<&'a String>, button: Button<'a>) -> Button<'a> {
    let button = button.size(1);
    match href {
        Some(href) => button.href(href.as_str()),
        None => button.disabled(true),
    }
}

impl KeysetPagination {
    /// Creates a pagination control with the URLs of the previous and the next page, if any.
    pub const fn new(previous: Option<String>, next: Option<String>) -> Self {
        Self {
            previous,
            next,
            total: None,
            first: None,
            last: None,
            sizes: None,
            words: ["Previous", "Next"],
        }
    }

    /// Sets the number of rows.
    pub fn total(mut self, rows: u64) -> Self {
        self.total = Some(match rows {
            1 => "1 row".to_owned(),
            rows => format!("{} rows", grouped(&rows.to_string())),
        });
        self
    }

    /// Sets the estimated number of rows.
    pub fn estimated_total(mut self, rows: u64) -> Self {
        self.total = Some(format!("About {} rows", estimate(rows)));
        self
    }

    /// Sets a number that the number of rows exceeds.
    pub fn minimum_total(mut self, rows: u64) -> Self {
        self.total = Some(format!("More than {} rows", grouped(&rows.to_string())));
        self
    }

    /// Adds a link to the first page.
    pub fn first(mut self, href: String) -> Self {
        self.first = Some(href);
        self
    }

    /// Adds a link to the last page.
    pub fn last(mut self, href: String) -> Self {
        self.last = Some(href);
        self
    }

    /// Sets the labels of the links. Default: "Previous" and "Next".
    pub const fn labels(mut self, previous: &'static str, next: &'static str) -> Self {
        self.words = [previous, next];
        self
    }

    /// Lets the user choose the page size.
    ///
    /// Adds a GET form to `action` that submits `per_page` along with the given query parameters.
    pub fn sizes<'h>(
        mut self,
        action: impl Into<Href<'h>>,
        current: u64,
        sizes: &[u64],
        preserve: &[(&str, &str)],
    ) -> Self {
        self.sizes = Some((
            SizeForm::new(action.into().into_owned(), sizes, preserve),
            current,
        ));
        self
    }
}

impl Render for KeysetPagination {
    fn render(&self) -> Markup {
        scope::require_stylesheet(Stylesheet::Table);
        html! {
            div class="pt-pages" {
                @if let Some((form, current)) = &self.sizes { (form.render(*current)) }
                span role="status" { @if let Some(total) = &self.total { (total) } }
                nav aria-label="Pages" {
                    @let [previous, next] = self.words;
                    div class="pt-row" {
                        @if let Some(href) = &self.first { (Button::new("First").size(1).href(href.as_str())) }
                        (link(self.previous.as_ref(), Button::new(previous).icon("chevron-left")))
                        (link(self.next.as_ref(), Button::new(next).icon_end("chevron-right")))
                        @if let Some(href) = &self.last { (Button::new("Last").size(1).href(href.as_str())) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::estimate;

    #[test]
    fn estimate_has_two_significant_digits() {
        let shown = [0, 7, 42, 128, 9_999, 12_345, 1_250_000].map(estimate);
        assert_eq!(
            shown,
            ["0", "7", "42", "120", "9,900", "12,000", "1,200,000"]
        );
    }
}
