//! Layering of portal-core's modules; the diagram is in docs/architecture.md.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Component, Path};

use super::Finding;
use super::imports::{self, Import};
use super::sources::Source;

/// Directory to which the rule applies.
const CRATE: &str = "portal-core/src";

/// Files that can use every module.
const OUTSIDE: [&str; 4] = ["lib", "prelude", "private", "__private"];

/// Base modules, which every module can use. They can also use one another.
const GROUND: &[&str] = &[
    "source", "error", "json", "request", "fields", "config", "state",
];

/// Arrows in the diagram: a module can use its targets and everything below them.
const ARROWS: [(&str, &[&str]); 18] = [
    ("testing", &["app"]),
    (
        "app",
        &["admin", "tasks", "notifications", "security", "telemetry"],
    ),
    ("admin", &["tasks"]),
    ("tasks", &["live", "notifications", "security", "telemetry"]),
    ("notifications", &["live"]),
    ("live", &["pages", "security"]),
    ("pages", &["auth"]),
    ("security", &["auth"]),
    ("auth", &["store"]),
    ("store", GROUND),
    ("telemetry", GROUND),
    ("source", GROUND),
    ("error", GROUND),
    ("json", GROUND),
    ("request", GROUND),
    ("fields", GROUND),
    ("config", GROUND),
    ("state", GROUND),
];

/// Modules whose lower parts must not use their upper parts: module, lower parts, upper parts.
const PARTS: [(&str, &[&str], &[&str]); 1] = [(
    "tasks",
    &["definition", "engine", "events", "statistics"],
    &["http", "pages"],
)];

/// Checks imports against [`ARROWS`]. Maps each name re-exported by the crate root to the module
/// that it comes from.
pub(super) struct Layering {
    reexports: HashMap<String, String>,
}

impl Layering {
    pub(super) fn new(sources: &[Source]) -> Self {
        let root = Path::new(CRATE).join("lib.rs");
        let root = sources.iter().find(|source| source.path == root);
        Self {
            reexports: root.map(|root| reexports(&root.code)).unwrap_or_default(),
        }
    }

    /// Returns the imports of a file that violate the layering.
    pub(super) fn findings(&self, source: &Source) -> Vec<Finding> {
        let Some(place) = ModulePath::from_path(&source.path) else {
            return Vec::new();
        };
        if OUTSIDE.contains(&place.module.as_str()) {
            return Vec::new();
        }
        let finding = |line, message| Finding {
            path: source.path.clone(),
            line,
            message,
        };
        if arrows_from(&place.module).is_none() {
            let message = format!(
                "the module `{}` has no layer; add it to `ARROWS` in xtask/src/tidy/layering.rs \
                 and to docs/architecture.md",
                place.module,
            );
            return vec![finding(1, message)];
        }
        let imports = imports::find(without_tests(&source.code), &place.path);
        let mut against: Vec<Finding> = imports
            .into_iter()
            .filter_map(|import| Some(finding(import.line, self.violation(&place, &import)?)))
            .collect();
        against.dedup_by(|one, other| one.line == other.line && one.message == other.message);
        against
    }

    /// Returns a message if an import violates the layering.
    fn violation(&self, place: &ModulePath, import: &Import) -> Option<String> {
        let (name, part) = import.path.split_first()?;
        if let Some(target) = self.module_of(name)
            && !may_use(&place.module, target)
        {
            return Some(format!(
                "`{}` must not use `{target}`; move the shared code to a lower layer, or connect \
                 the two in `app`",
                place.module,
            ));
        }
        let (own_part, part) = (place.path.get(1)?, part.first()?);
        let is_violated = PARTS.iter().any(|(module, lower, upper)| {
            *module == place.module
                && module == name
                && lower.contains(&own_part.as_str())
                && upper.contains(&part.as_str())
        });
        is_violated.then(|| {
            format!("`{name}::{own_part}` must not use `{name}::{part}`; move the shared code down")
        })
    }

    /// Returns the module that a name at the crate root comes from, if any.
    fn module_of<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        if arrows_from(name).is_some() || OUTSIDE.contains(&name) {
            return Some(name);
        }
        self.reexports.get(name).map(String::as_str)
    }
}

/// A file's module path, and the first segment of that path.
struct ModulePath {
    module: String,
    path: Vec<String>,
}

impl ModulePath {
    /// Returns the module path of a file, or `None` if the rule does not apply to it.
    fn from_path(path: &Path) -> Option<Self> {
        let path = path.strip_prefix(CRATE).ok()?.with_extension("");
        let mut names: Vec<&str> = path
            .components()
            .filter_map(|component| match component {
                Component::Normal(name) => name.to_str(),
                _ => None,
            })
            .collect();
        if names.len() > 1 && path.file_name() == Some(OsStr::new("mod")) {
            names.pop();
        }
        if names.contains(&"tests") {
            return None;
        }
        Some(Self {
            module: (*names.first()?).to_owned(),
            path: names.into_iter().map(str::to_owned).collect(),
        })
    }
}

fn arrows_from(module: &str) -> Option<&'static [&'static str]> {
    let mut arrows = ARROWS.into_iter();
    arrows.find_map(|(from, to)| (from == module).then_some(to))
}

/// Returns `true` if arrows lead from one module to the other.
fn may_use(module: &str, target: &str) -> bool {
    let mut reached = vec![module];
    let mut next = 0;
    while let Some(from) = reached.get(next).copied() {
        for to in arrows_from(from).unwrap_or_default() {
            if !reached.contains(to) {
                reached.push(to);
            }
        }
        next += 1;
    }
    reached.contains(&target)
}

/// Returns the code before the test module at the end of a file.
fn without_tests(code: &str) -> &str {
    let tail = code.match_indices("#[cfg(test)]").find(|(at, attribute)| {
        let after = code.get(at + attribute.len()..).unwrap_or_default();
        after.trim_start().starts_with("mod ")
    });
    tail.and_then(|(at, _)| code.get(..at)).unwrap_or(code)
}

/// Maps names to modules for each `pub use module::Name` in the crate root.
fn reexports(code: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for statement in code.split(';') {
        let Some((_, tree)) = statement.split_once("use ") else {
            continue;
        };
        let tree = tree.trim_start_matches("crate::");
        let tree = tree.trim_start_matches("self::");
        let Some((module, names)) = tree.split_once("::") else {
            continue;
        };
        for name in names.split([',', '{', '}']) {
            let name = name.rsplit(|it: char| !(it.is_alphanumeric() || it == '_'));
            if let Some(name) = { name }.find(|name| !name.is_empty()) {
                found.insert(name.to_owned(), module.trim().to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Layering, Source, may_use};

    const ROOT: &str = "mod error;\npub use crate::error::{Error, Result as Outcome};\n\
                        pub use app::Portal;\npub use axum;\n";

    fn findings(path: &str, text: &str) -> Vec<String> {
        let sources = [
            Source::new("portal-core/src/lib.rs", ROOT),
            Source::new(format!("portal-core/src/{path}"), text),
        ];
        let arrows = Layering::new(&sources);
        let findings = sources.iter().flat_map(|source| arrows.findings(source));
        findings.map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn arrows_only_lead_to_lower_layers() {
        assert!(may_use("tasks", "store"));
        assert!(may_use("testing", "error"));
        assert!(may_use("error", "state"));
        assert!(may_use("security", "auth"));
        for (module, target) in [
            ("store", "auth"),
            ("auth", "pages"),
            ("tasks", "admin"),
            ("security", "pages"),
            ("telemetry", "store"),
            ("app", "testing"),
            ("tasks", "app"),
        ] {
            assert!(!may_use(module, target), "{module} -> {target}");
        }
    }

    #[test]
    fn import_of_higher_layer_is_reported_with_its_line() {
        let found = findings(
            "store/query.rs",
            "use crate::error::Error;\nuse crate::auth::User;\n",
        );
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("portal-core/src/store/query.rs:2: `store` must not use `auth`")
        );
    }

    #[test]
    fn import_of_lower_layer_is_accepted() {
        assert!(findings("tasks/mod.rs", "use crate::{auth::User, pages};").is_empty());
        assert!(findings("tasks/mod.rs", "use crate::tasks::queue::Queue;").is_empty());
    }

    #[test]
    fn path_without_use_is_checked() {
        assert_eq!(
            findings("auth/users.rs", "fn x() -> crate::pages::Page {}").len(),
            1
        );
        assert_eq!(
            findings("auth/users.rs", "fn x() -> super::super::pages::Page {}").len(),
            1
        );
        assert!(findings("auth/users.rs", "use super::pages;").is_empty());
    }

    #[test]
    fn reexported_name_counts_as_its_module() {
        assert!(findings("store/mod.rs", "use crate::{Error, Outcome};").is_empty());
        assert_eq!(findings("store/mod.rs", "use crate::Portal;").len(), 1);
    }

    #[test]
    fn comments_strings_and_tests_are_ignored() {
        let text = "//! [`crate::app::Portal`]\nconst X: &str = \"crate::app\";\n\
                    #[cfg(test)]\nmod tests {\n    use crate::testing::TestPortal;\n}\n";
        assert!(findings("error.rs", text).is_empty());
        assert!(findings("auth/tests.rs", "use crate::testing::TestPortal;").is_empty());
    }

    #[test]
    fn prelude_may_import_all_modules_but_not_be_imported() {
        assert!(findings("prelude.rs", "pub use crate::app::Portal;").is_empty());
        assert_eq!(findings("tasks/mod.rs", "use crate::prelude::*;").len(), 1);
    }

    #[test]
    fn lower_part_of_tasks_does_not_use_upper_part() {
        for path in ["tasks/engine/queue.rs", "tasks/events/mod.rs"] {
            assert_eq!(findings(path, "use crate::tasks::http::Api;").len(), 1);
            assert_eq!(findings(path, "use crate::{tasks::{pages}};").len(), 1);
            assert!(findings(path, "use crate::tasks::record::TaskRecord;").is_empty());
        }
        assert_eq!(
            findings("tasks/engine/queue.rs", "use super::super::http::Api;").len(),
            1
        );
        assert!(findings("tasks/engine/queue.rs", "use super::http::Api;").is_empty());
        assert!(findings("tasks/pages/list.rs", "use crate::tasks::http::Api;").is_empty());
    }

    #[test]
    fn module_without_layer_is_reported() {
        assert_eq!(findings("mail/mod.rs", "").len(), 1);
    }
}
