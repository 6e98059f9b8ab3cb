//! Bundles: builds them from scripts and styles, and compares them with these sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::toolchain::{Program, Toolchain};
use super::{ASSETS, hash, read, write};
use portal_testkit::Interrupt;
use portal_testkit::process;

/// Directory of the sources. Each file directly in `css` or `js` is the entry point of a bundle.
const SOURCES: &str = "src";
/// Directory of the bundles, in [`ASSETS`].
const BUNDLES: &str = "dist";
/// File name of the manifest in the directory of the bundles.
const MANIFEST: &str = "MANIFEST.toml";
const MANIFEST_HEAD: &str = "# Written by `cargo xtask assets`: hashes of the bundles and of all that they are built from.\n";
/// Name of a bundle, and the vendored script in [`ASSETS`] with which it starts.
const PREPENDED: (&str, &str) = ("portal.js", "vendor/htmx.min.js");
/// Generated style sheets in [`ASSETS`] that are imported by the sources.
const TOKENS: [&str; 2] = ["tokens.css", "tokens-full.css"];

/// Options for the bundler. References that start with `@` are replaced at run time.
const OPTIONS: [&str; 8] = [
    "--bundle",
    "--minify",
    "--format=iife",
    "--target=esnext",
    "--charset=utf8",
    "--entry-names=[name]",
    "--legal-comments=inline",
    "--external:@*",
];

/// Hashes of the bundles and their inputs.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// Hash of the sources, bundler version and options.
    inputs: String,
    /// Hash of each bundle, by file name.
    bundles: BTreeMap<String, String>,
}

/// Bundles the sources and writes the bundles and their manifest.
pub(super) fn write_all(root: &Path, tools: &Toolchain, interrupt: &Interrupt) -> Result<()> {
    let directory = root.join(ASSETS).join(BUNDLES);
    fs::create_dir_all(&directory)?;
    let bundles = build(root, &tools.esbuild, interrupt)?;
    for name in file_names(&directory)? {
        if name != MANIFEST && !bundles.contains_key(&name) {
            fs::remove_file(directory.join(name))?;
        }
    }
    for (name, bytes) in &bundles {
        write(&directory.join(name), bytes)?;
    }
    let manifest = Manifest {
        inputs: hash_of_inputs(root, &tools.esbuild)?,
        bundles: hashes(&bundles),
    };
    let text = format!("{MANIFEST_HEAD}\n{}", toml::to_string(&manifest)?);
    write(&directory.join(MANIFEST), text.as_bytes())
}

/// Returns the differences between the bundles, their manifest and their sources.
pub(super) fn problems(root: &Path, tools: &Toolchain) -> Result<Vec<String>> {
    let directory = root.join(ASSETS).join(BUNDLES);
    let manifest: Manifest = toml::from_str(&read(&directory.join(MANIFEST))?)?;
    let mut problems = Vec::new();
    if manifest.inputs != hash_of_inputs(root, &tools.esbuild)? {
        problems.push(format!(
            "{ASSETS}/{SOURCES} has changed since it was bundled"
        ));
    }
    let mut stored = BTreeMap::new();
    for name in file_names(&directory)? {
        if name != MANIFEST {
            let bytes = fs::read(directory.join(&name))?;
            stored.insert(name, bytes);
        }
    }
    problems.extend(differences(&manifest.bundles, &hashes(&stored)));
    Ok(problems)
}

/// Bundles the sources again and returns the differences from the stored bundles.
pub(super) fn rebuild_problems(
    root: &Path,
    tools: &Toolchain,
    interrupt: &Interrupt,
) -> Result<Vec<String>> {
    let path = root.join(ASSETS).join(BUNDLES).join(MANIFEST);
    let manifest: Manifest = toml::from_str(&read(&path)?)?;
    let bundles = build(root, &tools.esbuild, interrupt)?;
    Ok(differences(&manifest.bundles, &hashes(&bundles)))
}

fn differences(
    expected: &BTreeMap<String, String>,
    actual: &BTreeMap<String, String>,
) -> Vec<String> {
    let names = expected.keys().chain(actual.keys());
    let mut names: Vec<_> = names
        .filter(|name| expected.get(*name) != actual.get(*name))
        .map(|name| format!("{ASSETS}/{BUNDLES}/{name} differs from its manifest"))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn hashes(bundles: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
    let hashes = bundles
        .iter()
        .map(|(name, bytes)| (name.clone(), hash(bytes)));
    hashes.collect()
}

/// Bundles all entry points and returns the bundles by file name.
fn build(
    root: &Path,
    esbuild: &Program,
    interrupt: &Interrupt,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let assets = root.join(ASSETS);
    let sources = assets.join(SOURCES);
    let output = tempfile::Builder::new()
        .prefix("portal-bundles-")
        .tempdir()?;
    let mut command = esbuild.command(root, &sources)?;
    for directory in ["css", "js"] {
        for name in file_names(&sources.join(directory))? {
            command.arg(format!("{directory}/{name}"));
        }
    }
    command.args(OPTIONS).arg("--log-level=warning");
    command.arg(format!("--outdir={}", output.path().display()));
    process::run("esbuild", &mut command, interrupt)?;

    let mut bundles = BTreeMap::new();
    for name in file_names(output.path())? {
        let bytes = fs::read(output.path().join(&name))?;
        bundles.insert(name, bytes);
    }
    let (name, first) = PREPENDED;
    if let Some(bundle) = bundles.get_mut(name) {
        let mut bytes = fs::read(assets.join(first))?;
        bytes.push(b'\n');
        bytes.append(bundle);
        *bundle = bytes;
    }
    Ok(bundles)
}

/// Hashes everything on which the bundles depend: sources, bundler version and options.
fn hash_of_inputs(root: &Path, esbuild: &Program) -> Result<String> {
    let assets = root.join(ASSETS);
    let mut paths: Vec<PathBuf> = TOKENS.iter().map(|name| assets.join(name)).collect();
    paths.push(assets.join(PREPENDED.1));
    list_files(&assets.join(SOURCES), &mut paths)?;
    paths.sort();
    let mut text = format!("esbuild {} {}\n", esbuild.version, OPTIONS.join(" "));
    for path in paths {
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let name = path.strip_prefix(&assets)?.display();
        text.push_str(&format!("{name} {}\n", hash(&bytes)));
    }
    Ok(hash(text.as_bytes()))
}

/// Adds all files below a directory to a list.
fn list_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            list_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Returns the names of the files directly in a directory, sorted.
fn file_names(directory: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let entry = entry?;
        if entry.path().is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundles(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let entries = entries.iter();
        entries
            .map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned()))
            .collect()
    }

    #[test]
    fn changed_missing_and_additional_bundles_differ() {
        let expected = bundles(&[("a.js", "1"), ("b.js", "2"), ("c.js", "3")]);
        let actual = bundles(&[("a.js", "1"), ("b.js", "4"), ("d.js", "5")]);
        let differing = differences(&expected, &actual);
        assert_eq!(differing.len(), 3);
        for (problem, name) in differing.iter().zip(["b.js", "c.js", "d.js"]) {
            assert!(problem.contains(name), "{problem}");
        }
    }

    #[test]
    fn inputs_include_sources_and_version_of_the_bundler() {
        let root = tempfile::tempdir().unwrap();
        let assets = root.path().join(ASSETS);
        fs::create_dir_all(assets.join("src/js/portal")).unwrap();
        fs::create_dir_all(assets.join("vendor")).unwrap();
        for name in TOKENS.iter().chain([&PREPENDED.1]) {
            fs::write(assets.join(name), "").unwrap();
        }
        let source = assets.join("src/js/portal/dom.js");
        fs::write(&source, "one").unwrap();
        let mut tools = Toolchain::pinned().unwrap();
        let hash = |tools: &Toolchain| hash_of_inputs(root.path(), &tools.esbuild).unwrap();
        let first = hash(&tools);
        assert_eq!(hash(&tools), first);
        fs::write(&source, "two").unwrap();
        let second = hash(&tools);
        assert_ne!(second, first);
        tools.esbuild.version.push('1');
        assert_ne!(hash(&tools), second);
    }
}
