//! Document of a page: the framework writes its head last, when all requirements are known.

use maud::{Markup, PreEscaped};

use super::requirements::Requirements;
use super::scope;

/// Document that a layout has rendered; [`document`](super::layout::document) creates it.
///
/// The portal adds the requirements of all markup to its head.
#[derive(Debug, Clone)]
#[must_use]
pub struct Document {
    /// Markup from the doctype to the link to the portal's main style sheet.
    pub(super) start: String,
    /// The rest of the head, without the requirements and the end tag.
    pub(super) head: String,
    /// Markup that precedes the layout's.
    pub(super) banner: Markup,
    /// Body that the layout has rendered.
    pub(super) body: Markup,
}

impl Document {
    /// Renders the document outside of a portal, for example in a test of a layout.
    ///
    /// The result lacks the portal's additions: the cursor for live regions and the identity
    /// provider's markup.
    #[must_use]
    pub fn into_markup(self) -> Markup {
        let required = scope::requirements();
        PreEscaped(self.pieces().render(&required, &scope::base_path(), ""))
    }

    pub(super) fn pieces(&self) -> Pieces<'_> {
        Pieces {
            start: &self.start,
            head: &self.head,
            body: [&self.banner.0, &self.body.0, ""],
        }
    }
}

/// Pieces of a document, between which its requirements are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces<'a> {
    pub(super) start: &'a str,
    pub(super) head: &'a str,
    pub(super) body: [&'a str; 3],
}

impl Pieces<'_> {
    /// Writes the document; `last` is the end of its head.
    pub(super) fn render(self, required: &Requirements, base_path: &str, last: &str) -> String {
        let [before, body, after] = self.body;
        [
            self.start,
            &required.builtin_head(base_path).0,
            self.head,
            &required.declared_head(base_path).0,
            last,
            "</head><body>",
            before,
            body,
            after,
            "</body></html>",
        ]
        .concat()
    }
}
