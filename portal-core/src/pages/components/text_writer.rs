//! Functions that write directly into a page, for components that occur many times on most pages.

use maud::Render;

/// Writes escaped text; text that needs no escaping is written in one piece.
pub(in crate::pages) fn write_text(out: &mut String, text: &str) {
    if text
        .bytes()
        .any(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"'))
    {
        text.render_to(out);
    } else {
        out.push_str(text);
    }
}

/// Writes an attribute; if the value is empty, only its name.
pub(super) fn write_attribute(out: &mut String, name: &str, value: &str) {
    out.extend([" ", name]);
    if !value.is_empty() {
        out.push_str("=\"");
        write_text(out, value);
        out.push('"');
    }
}

/// Writes an element that contains only text.
pub(super) fn write_element(out: &mut String, tag: &str, text: &str) {
    out.extend(["<", tag, ">"]);
    write_text(out, text);
    out.extend(["</", tag, ">"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_special_characters_are_escaped() {
        let (mut out, mut plain) = (String::new(), String::new());
        write_text(&mut out, "a < b > c & \"d\"");
        write_text(&mut plain, "Größe: 'x'");
        assert_eq!(out, "a &lt; b &gt; c &amp; &quot;d&quot;");
        assert_eq!(plain, "Größe: 'x'");
        out.clear();
        write_attribute(&mut out, "title", "\" onclick=\"x");
        write_attribute(&mut out, "data-wide", "");
        assert_eq!(out, " title=\"&quot; onclick=&quot;x\" data-wide");
    }
}
