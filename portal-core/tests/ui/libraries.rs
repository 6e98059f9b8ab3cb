//! The libraries against which rejected items are compiled: those from the build under test.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Environment variable with the build arguments; `cargo xtask test` sets it.
const BUILD: &str = "PORTAL_TEST_BUILD";
/// Arguments that build the same libraries as `cargo test -p portal-core`.
const OWN_BUILD: &str = "--package portal-core --tests";

/// Returns the compiler arguments that make the libraries available to code.
///
/// Names shared by several libraries are omitted: those are different versions of a crate, or
/// builds for use by the compiler.
pub(crate) fn rustc_arguments() -> Vec<String> {
    let mut libraries = BTreeMap::<String, Vec<PathBuf>>::new();
    for line in build_messages().lines() {
        let message: Value = serde_json::from_str(line).expect("cargo should print JSON");
        let target = &message["target"];
        let is_library = target["kind"][0] == "lib" && message["profile"]["test"] == false;
        let mut files = message["filenames"].as_array().into_iter().flatten();
        let file = files.find_map(|file| file.as_str().filter(|it| it.ends_with(".rlib")));
        if let (true, Some(name), Some(file)) = (is_library, target["name"].as_str(), file) {
            let builds = libraries.entry(name.replace('-', "_")).or_default();
            builds.push(PathBuf::from(file));
        }
    }
    let files = libraries.values().flatten();
    let directories: BTreeSet<_> = files.filter_map(|file| file.parent()).collect();
    let directories = directories.into_iter();
    let mut arguments: Vec<_> = directories
        .map(|directory| format!("-Ldependency={}", directory.display()))
        .collect();
    for (name, builds) in &libraries {
        if let [file] = &**builds {
            arguments.push(format!("--extern={name}={}", file.display()));
        }
    }
    arguments
}

/// Repeats the build, which is already up to date, and returns its messages.
fn build_messages() -> String {
    let arguments = env::var(BUILD).unwrap_or_else(|_| OWN_BUILD.to_owned());
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--message-format=json-render-diagnostics"])
        .args(arguments.split(' '))
        .stderr(Stdio::inherit());
    // Cargo sets environment variables that describe the package under test; build scripts that
    // depend on these variables would run again.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.output().expect("cargo should start");
    assert!(output.status.success(), "the build failed");
    String::from_utf8(output.stdout).expect("cargo should print UTF-8")
}
