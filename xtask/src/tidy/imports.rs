//! Finds the modules that a file uses from the crate to which it belongs.

/// Number of path segments that are read: a module at the crate root and one below it.
const MAX_DEPTH: usize = 2;

/// A path below the crate root, and the line on which it is used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// The first segments of the path; at least one.
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

/// Returns every path below the crate root that `code` uses.
///
/// `code` must not contain comments or literals; `module` is the path of its module, to which
/// `super::` is relative. `$crate::` in a macro is skipped, because it refers to the place where
/// the macro is used.
pub(super) fn find(code: &str, module: &[String]) -> Vec<Import> {
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let (before, path) = code.split_at(at);
            let part_of_longer = before.ends_with("::")
                || before.ends_with('$')
                || before.ends_with(|it: char| it.is_alphanumeric() || it == '_');
            if part_of_longer {
                continue;
            }
            let line = before.matches('\n').count() + 1;
            let (base, tree) = resolve(path, module);
            expand(base, tree, line, &mut found);
        }
    }
    found.sort_by_key(|import| import.line);
    found
}

/// Splits a path into the module to which `crate::` or `super::` refers, and the rest.
fn resolve<'a>(path: &'a str, module: &[String]) -> (Vec<String>, &'a str) {
    if let Some(rest) = path.strip_prefix("crate::") {
        return (Vec::new(), rest);
    }
    let mut base = module.to_vec();
    let mut rest = path;
    while let Some(outer) = rest.strip_prefix("super::") {
        base.pop();
        rest = outer;
    }
    (base, rest)
}

/// Collects the paths in a use tree below `base`.
fn expand(mut base: Vec<String>, tree: &str, line: usize, found: &mut Vec<Import>) {
    let start = tree.trim_start();
    let blank = tree.len() - start.len();
    let line = line + newlines(tree, blank);
    if let Some(group) = start.strip_prefix('{') {
        for (at, item) in items(group) {
            expand(base.clone(), item, line + newlines(group, at), found);
        }
        return;
    }
    let name = start.strip_prefix("r#").unwrap_or(start);
    let end = name.find(|it: char| !(it.is_alphanumeric() || it == '_'));
    let (name, rest) = name.split_at(end.unwrap_or(name.len()));
    if !name.is_empty() && base.len() < MAX_DEPTH {
        base.push(name.to_owned());
        if let Some(below) = rest.strip_prefix("::") {
            return expand(base, below, line, found);
        }
    }
    base.truncate(MAX_DEPTH);
    if !base.is_empty() {
        found.push(Import { path: base, line });
    }
}

/// Returns the items of `a, b::{c, d}}` up to the closing brace, each with its position.
fn items(group: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut braces = 0_usize;
    let mut start = 0;
    for (at, character) in group.char_indices() {
        match character {
            '{' => braces += 1,
            '}' if braces > 0 => braces -= 1,
            ',' | '}' if braces == 0 => {
                let item = group.get(start..at).unwrap_or_default();
                if !item.trim().is_empty() {
                    found.push((start, item));
                }
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

/// Counts the line breaks in the first `bytes` bytes of a text.
fn newlines(text: &str, bytes: usize) -> usize {
    text.get(..bytes).unwrap_or_default().matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::find;

    fn paths(code: &str, module: &str) -> Vec<(String, usize)> {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        let imports = find(code, &module).into_iter();
        imports
            .map(|import| (import.path.join("::"), import.line))
            .collect()
    }

    #[test]
    fn use_and_path_are_imports() {
        let code = "use crate::store::Store;\nlet x = crate::auth::user::name();";
        let expected = [("store::Store".into(), 1), ("auth::user".into(), 2)];
        assert_eq!(paths(code, "a::b"), expected);
    }

    #[test]
    fn use_tree_has_one_import_per_path() {
        let code = "use crate::{\n    auth::{\n        Access,\n        User,\n    },\n    store,\n    tasks::*,\n};";
        let expected = [
            ("auth::Access".into(), 3),
            ("auth::User".into(), 4),
            ("store".into(), 6),
            ("tasks".into(), 7),
        ];
        assert_eq!(paths(code, "a::b"), expected);
    }

    #[test]
    fn super_is_resolved_from_the_module() {
        assert_eq!(paths("use super::pages;", "a"), [("pages".into(), 1)]);
        assert_eq!(paths("use super::pages;", "a::b"), [("a::pages".into(), 1)]);
        let code = "use super::super::pages::{self, form};";
        let expected = [("pages::self".into(), 1), ("pages::form".into(), 1)];
        assert_eq!(paths(code, "a::b"), expected);
    }

    #[test]
    fn names_ending_in_crate_are_not_the_root() {
        assert_eq!(paths("$crate::a; my_crate::b; x::crate::c", "a::b"), []);
    }

    #[test]
    fn visibility_is_not_an_import() {
        assert_eq!(
            paths("pub(crate) fn x() {} pub(in crate::auth) fn y() {}", "a::b"),
            [("auth".into(), 1)]
        );
    }
}
