//! Title and description, read from doc comments.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// Text of an item's doc comments.
#[derive(Default)]
pub(crate) struct Docs {
    lines: Vec<String>,
}

impl Docs {
    /// Reads the doc comments among `attributes`.
    ///
    /// Skips `#[doc = include_str!(..)]`: its value is not a literal, which only rustdoc can
    /// evaluate.
    pub(crate) fn read(attributes: &[Attribute]) -> Self {
        let text: Vec<String> = attributes.iter().filter_map(doc_literal).collect();
        let lines = text
            .iter()
            .flat_map(|part| part.lines())
            .map(unpad)
            .collect();
        Self { lines }
    }

    /// Returns the first line with text as a title, without `#` and the final period.
    pub(crate) fn title(&self) -> Option<String> {
        let line = self.lines.iter().find(|line| !line.trim().is_empty())?;
        let line = line.trim().trim_start_matches('#').trim();
        let title = match line.strip_suffix('.') {
            Some(rest) if !rest.ends_with('.') => rest,
            _ => line,
        };
        Some(title.to_owned())
    }

    /// Returns the text after the title, if any.
    pub(crate) fn description(&self) -> Option<String> {
        let title = self.lines.iter().position(|line| !line.trim().is_empty())?;
        let rest = self.lines.get(title + 1..)?;
        text(rest)
    }

    /// Returns the whole text, if any.
    pub(crate) fn text(&self) -> Option<String> {
        text(&self.lines)
    }
}

/// Returns the text in `/// text`, which the compiler passes as `#[doc = " text"]`.
fn doc_literal(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    if !pair.path.is_ident("doc") {
        return None;
    }
    match &pair.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

/// Removes the single space between `///` and the text.
fn unpad(line: &str) -> String {
    line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
}

/// Joins the lines; returns `None` if all of them are blank.
fn text(lines: &[String]) -> Option<String> {
    let text = lines.join("\n");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn first_line_is_title_and_rest_is_description() {
        let docs = Docs::read(&[
            parse_quote!(#[doc = " All users."]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = " Newest first,"]),
            parse_quote!(#[doc = "   indented."]),
        ]);
        assert_eq!(docs.title().as_deref(), Some("All users"));
        assert_eq!(
            docs.description().as_deref(),
            Some("Newest first,\n  indented.")
        );
    }

    #[test]
    fn item_without_docs_has_no_title() {
        let docs = Docs::read(&[parse_quote!(#[doc(hidden)]), parse_quote!(#[doc = ""])]);
        assert_eq!(docs.title(), None);
        assert_eq!(docs.description(), None);
        assert_eq!(docs.text(), None);
    }

    #[test]
    fn ellipsis_is_kept_in_the_title() {
        let docs = Docs::read(&[parse_quote!(#[doc = " And so on..."])]);
        assert_eq!(docs.title().as_deref(), Some("And so on..."));
    }
}
