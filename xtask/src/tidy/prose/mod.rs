//! Prose lint: checks comments, messages, documents, test names and commit titles.
//!
//! The rules are described in `docs/language.md`.

mod commits;
mod passages;
mod rules;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use self::passages::{Extractor, of_markdown};
use self::rules::{Hit, RULES, Rules};
use super::Finding;
use super::sources::{self, Source};

/// Files that are not checked: those that quote banned patterns, third-party files, and compiler
/// output.
const EXEMPT: [&str; 6] = [
    "docs/language.md",
    "xtask/src/tidy/prose/",
    "portal-core/assets/dist/",
    "portal-core/assets/vendor/",
    "portal-core/tests/ui/",
    "tests/it/vendor/",
];

/// Phrases that match a rule but are correct, each as part of a path, the phrase, and the reason.
const ALLOWED: [(&str, &str, &str); 1] = [(
    "portal-core/src/store/mod.rs",
    "a reader that turns writer",
    "SQLite's own word for a connection that only reads",
)];

/// Returns the findings of the prose lint in the workspace.
///
/// # Errors
///
/// Fails if a file cannot be read.
pub(super) fn findings(root: &Path, sources: &[Source]) -> Result<Vec<Finding>> {
    let hits = hits(root, sources)?;
    let mut findings = Vec::new();
    for rule in RULES {
        let of_rule: Vec<_> = hits.iter().filter(|hit| hit.rule == rule.id).collect();
        let (count, limit) = (of_rule.len(), rule.limit);
        match count.cmp(&limit) {
            Ordering::Less => eprintln!(
                "warning: {}: {count} matches; lower its limit of {limit} in \
                 xtask/src/tidy/prose/rules.rs",
                rule.id,
            ),
            Ordering::Equal => {}
            Ordering::Greater => {
                eprintln!("{}: {count} matches, but only {limit} allowed", rule.id);
                findings.extend(of_rule.into_iter().map(Hit::to_finding));
            }
        }
    }
    findings.extend(commits::findings(root)?);
    Ok(findings)
}

/// Prints every match, including those within a limit, and each rule's number of matches.
///
/// # Errors
///
/// Fails if a file cannot be read.
pub(super) fn list(root: &Path, sources: &[Source]) -> Result<()> {
    let hits = hits(root, sources)?;
    let mut counts = BTreeMap::<_, usize>::new();
    for hit in &hits {
        println!("{}", hit.to_finding());
        *counts.entry(hit.rule).or_default() += 1;
    }
    for (rule, count) in counts {
        println!("{rule}: {count}");
    }
    Ok(())
}

fn hits(root: &Path, sources: &[Source]) -> Result<Vec<Hit>> {
    let rules = Rules::compile()?;
    let extractor = Extractor::compile()?;
    let mut hits = Vec::new();
    for source in sources.iter().filter(|source| !is_exempt(&source.path)) {
        rules.check(&source.path, &extractor.of_rust(source), &mut hits);
    }
    for path in sources::find(root, "js")? {
        if !is_exempt(&path) {
            let passages = extractor.of_javascript(&sources::text(root, &path)?);
            rules.check(&path, &passages, &mut hits);
        }
    }
    for path in sources::find(root, "md")? {
        if !is_exempt(&path) {
            let passages = of_markdown(&sources::text(root, &path)?);
            rules.check(&path, &passages, &mut hits);
        }
    }
    hits.retain(|hit| !is_allowed(hit));
    Ok(hits)
}

fn is_exempt(path: &Path) -> bool {
    EXEMPT.iter().any(|exempt| path.starts_with(exempt))
}

fn is_allowed(hit: &Hit) -> bool {
    ALLOWED
        .iter()
        .any(|(path, phrase, _)| hit.path.starts_with(path) && hit.text.contains(phrase))
}
