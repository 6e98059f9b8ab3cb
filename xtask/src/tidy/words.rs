//! Words that say that something is not finished.

use super::Fault;
use super::sources::Source;

/// Looked for in code, where comments and literals do not count.
const IN_CODE: [&str; 3] = ["todo!(", "unimplemented!(", "#[ignore"];
/// Looked for everywhere. In two parts, so that this file does not have it.
const ANYWHERE: [&str; 1] = [concat!("FIX", "ME")];

/// Every line that has such a word.
pub(super) fn faults(source: &Source) -> Vec<Fault> {
    let in_code = lines_with(&source.code, &IN_CODE);
    let anywhere = lines_with(&source.text, &ANYWHERE);
    let faults = in_code.chain(anywhere).map(|(line, word)| Fault {
        path: source.path.clone(),
        line,
        message: format!("`{word}` is not for finished code, finish it or remove it"),
    });
    faults.collect()
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
    use super::{Source, faults};

    #[test]
    fn a_macro_counts_in_code_and_not_in_a_comment() {
        let source = Source::new("a.rs", "// todo!(\nlet x = \"todo!(\";\ntodo!();\n");
        let lines: Vec<_> = faults(&source).iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [3]);
    }

    #[test]
    fn an_ignored_test_is_a_fault() {
        let source = Source::new("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn x() {}\n");
        assert_eq!(faults(&source).len(), 1);
    }
}
