//! Modules of its crate that a file uses.

/// Name after `crate::`, with its line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) name: String,
    pub(super) line: usize,
}

/// Returns every name directly below the crate root that `code` uses.
///
/// `code` contains no comments and literals; `depth` is the depth of its module:
/// at depth 1, `super::x` is `crate::x`. `$crate::` in a macro is skipped,
/// because it refers to the place where the macro is used.
pub(super) fn find(code: &str, depth: usize) -> Vec<Import> {
    let mut found = Vec::new();
    let roots = ["crate::".to_owned(), "super::".repeat(depth.max(1))];
    for root in &roots {
        for (at, _) in code.match_indices(root.as_str()) {
            let (before, after) = code.split_at(at);
            let part_of_longer = before.ends_with("::")
                || before.ends_with('$')
                || before.ends_with(|it: char| it.is_alphanumeric() || it == '_');
            if part_of_longer {
                continue;
            }
            let line = before.matches('\n').count() + 1;
            let after = after.get(root.len()..).unwrap_or_default();
            found.extend(names(after, line));
        }
    }
    found.sort_by_key(|import| import.line);
    found
}

/// Returns the name that `text` starts with, or the outer names of its `{..}`.
fn names(text: &str, line: usize) -> Vec<Import> {
    let Some(tree) = text.trim_start().strip_prefix('{') else {
        return first_name(text, line).into_iter().collect();
    };
    let mut found = Vec::new();
    let mut braces = 0_usize;
    let mut start = 0;
    for (at, character) in tree.char_indices() {
        match character {
            '{' => braces += 1,
            '}' if braces > 0 => braces -= 1,
            ',' | '}' if braces == 0 => {
                let (before, item) = tree.get(..at).unwrap_or(tree).split_at(start);
                let lines = before.matches('\n').count() + leading_lines(item);
                found.extend(first_name(item, line + lines));
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

fn leading_lines(item: &str) -> usize {
    let blank = item.len() - item.trim_start().len();
    item.get(..blank).unwrap_or_default().matches('\n').count()
}

fn first_name(text: &str, line: usize) -> Option<Import> {
    let text = text.trim_start();
    let text = text.strip_prefix("r#").unwrap_or(text);
    let end = text.find(|it: char| !(it.is_alphanumeric() || it == '_'));
    let name = text.get(..end.unwrap_or(text.len()))?;
    (!name.is_empty()).then(|| Import {
        name: name.to_owned(),
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    fn names(code: &str, depth: usize) -> Vec<(String, usize)> {
        let imports = find(code, depth).into_iter();
        imports.map(|import| (import.name, import.line)).collect()
    }

    #[test]
    fn use_and_path_are_imports() {
        let code = "use crate::store::Store;\nlet x = crate::auth::user();";
        assert_eq!(names(code, 2), [("store".into(), 1), ("auth".into(), 2)]);
    }

    #[test]
    fn use_tree_has_one_import_per_outer_name() {
        let code = "use crate::{\n    auth::{Access, User},\n    store,\n    Error,\n};";
        let expected = [("auth".into(), 2), ("store".into(), 3), ("Error".into(), 4)];
        assert_eq!(names(code, 2), expected);
    }

    #[test]
    fn super_reaches_root_only_at_matching_depth() {
        assert_eq!(names("use super::pages;", 1), [("pages".into(), 1)]);
        assert_eq!(names("use super::pages;", 2), []);
        assert_eq!(names("use super::super::pages;", 2), [("pages".into(), 1)]);
    }

    #[test]
    fn names_ending_in_crate_are_not_the_root() {
        assert_eq!(names("$crate::a; my_crate::b; x::crate::c", 2), []);
    }

    #[test]
    fn visibility_is_not_an_import() {
        assert_eq!(
            names("pub(crate) fn x() {} pub(in crate::auth) fn y() {}", 2),
            [("auth".into(), 1)]
        );
    }
}
