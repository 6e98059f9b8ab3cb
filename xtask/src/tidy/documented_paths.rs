//! Checks that each path in the tables of docs/architecture.md exists.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Finding, sources};

const DOCUMENT: &str = "docs/architecture.md";

/// Tables with paths: the first header cell, and the folder to which the paths are relative.
const TABLES: [(&str, &str); 3] = [
    ("module", "portal-core/src"),
    ("path in `tasks`", "portal-core/src/tasks"),
    ("change", "portal-core/src"),
];

/// Reports each path that does not exist, and each table that is missing.
pub(super) fn findings(root: &Path) -> Result<Vec<Finding>> {
    let text = sources::text(root, Path::new(DOCUMENT))?;
    Ok(check(&text, |path| root.join(path).exists()))
}

fn check(text: &str, exists: impl Fn(&Path) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let finding = |line, message| Finding {
        path: PathBuf::from(DOCUMENT),
        line,
        message,
    };
    for (header, folder) in TABLES {
        let rows = rows(text, header);
        if rows.is_empty() {
            findings.push(finding(1, format!("the table of `{header}` is missing")));
        }
        for (line, row) in rows {
            let is_module = header == "module";
            for path in paths(row, is_module) {
                let below = Path::new(folder).join(path);
                let is_found = exists(&below)
                    || exists(Path::new(path))
                    || (is_module && exists(&below.with_extension("rs")));
                if !is_found {
                    findings.push(finding(line, format!("`{path}` does not exist")));
                }
            }
        }
    }
    findings
}

/// Returns the rows of the table whose first header cell is `header`, with their line numbers.
fn rows<'a>(text: &'a str, header: &str) -> Vec<(usize, &'a str)> {
    let start = format!("| {header} |");
    let lines = text.lines().zip(1..).map(|(row, line)| (line, row));
    lines
        .skip_while(|(_, row)| !row.starts_with(&start))
        .skip(2)
        .take_while(|(_, row)| row.starts_with('|'))
        .collect()
}

/// Returns the paths in the code spans of a row; in a table of modules, only the first code span.
fn paths(row: &str, is_module: bool) -> Vec<&str> {
    let mut spans = row.split('`').skip(1).step_by(2);
    if is_module {
        return spans.next().into_iter().collect();
    }
    let is_path = |span: &&str| {
        let is_name = |it: char| it.is_alphanumeric() || "/._-".contains(it);
        let is_file = span.contains('/') || span.ends_with(".rs") || span.starts_with('.');
        // A span that starts with `/` is a URL.
        is_file && !span.starts_with('/') && span.chars().all(is_name)
    };
    spans.filter(is_path).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{check, findings};

    const TABLES: &str = "| module | content |\n| --- | --- |\n| `json` | `not/read` |\n\n\
        | path in `tasks` | content |\n| --- | --- |\n| `service.rs`, `engine/` | the API |\n\n\
        | change | start |\n| --- | --- |\n| key | `app/cli.rs`, `X`, `/url`, `a()` and `.env` |\n";

    fn messages(text: &str, existing: &[&str]) -> Vec<String> {
        let found = check(text, |path| existing.iter().any(|it| Path::new(it) == path));
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn missing_path_is_reported_with_its_line() {
        let mut existing = vec![
            "portal-core/src/json.rs",
            "portal-core/src/tasks/service.rs",
            "portal-core/src/tasks/engine",
            "portal-core/src/app/cli.rs",
            ".env",
        ];
        assert_eq!(messages(TABLES, &existing), [""; 0]);
        existing.remove(1);
        let expected = ["docs/architecture.md:7: `service.rs` does not exist"];
        assert_eq!(messages(TABLES, &existing), expected);
    }

    #[test]
    fn missing_table_is_reported() {
        assert_eq!(messages("# Architecture\n", &[]).len(), 3);
    }

    #[test]
    fn paths_of_the_repository_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let found = findings(&root).unwrap();
        assert!(found.is_empty(), "{}", found[0]);
    }
}
