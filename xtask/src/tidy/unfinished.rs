//! Markers of unfinished code.

use super::Finding;
use super::sources::Source;

/// Markers to search for in code, but not in comments or literals.
const IN_CODE: [&str; 3] = ["todo!(", "unimplemented!(", "#[ignore"];
/// Markers to search for everywhere. They are built with `concat!` so that this file does not
/// match.
const ANYWHERE: [&str; 1] = [concat!("FIX", "ME")];

/// Reports each line that contains a marker of unfinished code.
pub(super) fn findings(source: &Source) -> Vec<Finding> {
    let in_code = lines_with(&source.code, &IN_CODE);
    let anywhere = lines_with(&source.text, &ANYWHERE);
    let findings = in_code.chain(anywhere).map(|(line, word)| Finding {
        path: source.path.clone(),
        line,
        message: format!("`{word}` marks unfinished code; finish the code or remove it"),
    });
    findings.collect()
}

fn lines_with<'a>(
    text: &'a str,
    words: &'a [&'static str],
) -> impl Iterator<Item = (usize, &'static str)> + 'a {
    text.lines().enumerate().flat_map(move |(index, line)| {
        let found = words.iter().filter(move |word| line.contains(**word));
        found.map(move |word| (index + 1, *word))
    })
}

#[cfg(test)]
mod tests {
    use super::{Source, findings};

    #[test]
    fn macro_is_found_in_code_but_not_in_comments() {
        let source = Source::new("a.rs", "// todo!(\nlet x = \"todo!(\";\ntodo!();\n");
        let lines: Vec<_> = findings(&source)
            .iter()
            .map(|finding| finding.line)
            .collect();
        assert_eq!(lines, [3]);
    }

    #[test]
    fn ignored_test_is_reported() {
        let source = Source::new("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn x() {}\n");
        assert_eq!(findings(&source).len(), 1);
    }
}
