//! Finds programs in the search path and in their usual locations outside of it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories that each contain one PostgreSQL version: the parts of the path before and after the
/// version.
const POSTGRES_PLACES: [(&str, &str); 8] = [
    ("/usr/lib/postgresql/", "bin"),
    ("/usr/pgsql-", "bin"),
    ("/usr/libexec/postgresql", ""),
    ("/opt/homebrew/opt/postgresql@", "bin"),
    ("/usr/local/opt/postgresql@", "bin"),
    ("/opt/local/lib/postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions/", "bin"),
    ("/usr/local/pgsql", "bin"),
];

const CHROMIUM_NAMES: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];

const CHROMIUM_PLACES: [&str; 4] = [
    "/snap/bin/chromium",
    "/opt/google/chrome/chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const CHROMEDRIVER_PLACES: [&str; 4] = [
    "/usr/lib/chromium/chromedriver",
    "/usr/lib/chromium-browser/chromedriver",
    "/usr/lib64/chromium-browser/chromedriver",
    "/snap/bin/chromium.chromedriver",
];

/// Returns the directory of the PostgreSQL server in the search path, otherwise of the newest
/// installed one.
pub(super) fn postgres() -> Option<PathBuf> {
    search_path()
        .find(|directory| has_postgres(directory))
        .or_else(newest_postgres)
}

pub(super) fn chromium() -> Option<PathBuf> {
    CHROMIUM_NAMES
        .iter()
        .find_map(|name| in_search_path(name))
        .or_else(|| first_file(&CHROMIUM_PLACES))
}

pub(super) fn chromedriver() -> Option<PathBuf> {
    in_search_path("chromedriver").or_else(|| first_file(&CHROMEDRIVER_PLACES))
}

pub(super) fn node() -> Option<PathBuf> {
    in_search_path("node").or_else(|| in_search_path("nodejs"))
}

/// Finds the first file with the given name in the search path.
pub(super) fn in_search_path(name: &str) -> Option<PathBuf> {
    search_path()
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}

fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

fn first_file(places: &[&str]) -> Option<PathBuf> {
    let mut places = places.iter().map(PathBuf::from);
    places.find(|path| path.is_file())
}

fn has_postgres(directory: &Path) -> bool {
    directory.join("initdb").is_file() && directory.join("postgres").is_file()
}

fn newest_postgres() -> Option<PathBuf> {
    POSTGRES_PLACES
        .iter()
        .flat_map(|(before, after)| versions(before, after))
        .filter(|(_, directory)| has_postgres(directory))
        .max()
        .map(|(_, directory)| directory)
}

/// Returns the directories `{before}{version}/{after}`, each with its version number.
fn versions(before: &str, after: &str) -> Vec<(u32, PathBuf)> {
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let versions = entries.filter_map(|entry| {
        let name = entry.file_name();
        let version = name.to_str()?.strip_prefix(prefix)?;
        let number = version.split('.').next()?.parse().unwrap_or(0);
        Some((number, entry.path().join(after)))
    });
    versions.collect()
}

#[cfg(test)]
mod tests {
    use super::versions;

    #[test]
    fn versions_are_compared_numerically() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9.6", "15", "8"] {
            std::fs::create_dir_all(root.path().join(version).join("bin")).unwrap();
        }
        let before = format!("{}/", root.path().display());
        let (number, newest) = versions(&before, "bin").into_iter().max().unwrap();
        assert_eq!(number, 15);
        assert_eq!(newest, root.path().join("15/bin"));
    }
}
