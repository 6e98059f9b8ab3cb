//! `cargo xtask test`: runs all tests with the servers and programs that they need.

use std::env;
use std::fs;

use anyhow::Result;
use portal_testkit::process;
use portal_testkit::{Chromedriver, Durability, Interrupt, Postgres};

use crate::cargo::Cargo;
use crate::progress::step;
use crate::tools::{Tool, Tools};
use crate::{assets, chaos};

/// Environment variable for the tests: URI of a database server to which they can write.
const POSTGRES: &str = "PORTAL_TEST_POSTGRES";
/// Environment variable for the tests: URL of a WebDriver.
const CHROMEDRIVER: &str = "PORTAL_TEST_CHROMEDRIVER";
/// Environment variable for the tests: path of the browser that the WebDriver starts.
const CHROMIUM: &str = "PORTAL_TEST_CHROMIUM";
/// Environment variable for the tests: path of the reference portal's program.
const BINARY: &str = "PORTAL_TEST_BINARY";
/// Environment variable for the tests: `cargo build` arguments with which the linked libraries were
/// built.
const BUILD: &str = "PORTAL_TEST_BUILD";

/// Starts the servers, runs `cargo test`, and stops the servers.
///
/// If a variable is already set, it is kept, and its server is not started.
pub(crate) fn run(cargo: &Cargo, arguments: &[String], interrupt: &Interrupt) -> Result<()> {
    let needs = |variable| env::var_os(variable).is_none_or(|value| value.is_empty());
    // Arguments select tests. If there are any, only these tests run.
    let runs_all = arguments.is_empty();
    let mut needed: Vec<Tool> = [
        (POSTGRES, Tool::Postgres),
        (CHROMEDRIVER, Tool::Chromedriver),
        (CHROMIUM, Tool::Chromium),
    ]
    .into_iter()
    .filter_map(|(variable, tool)| needs(variable).then_some(tool))
    .collect();
    if runs_all {
        needed.push(Tool::Node);
    }
    let tools = step("find the tools of the tests", || Tools::provide(&needed))?;
    interrupt.check()?;
    if runs_all {
        assets::test_scripts(cargo.root(), tools.path(Tool::Node)?, interrupt)?;
    }

    let build = build_arguments(arguments);
    let binary = step("build the reference portal", || {
        cargo.build_binary("reference-portal", build, interrupt)
    })?;

    // The directory is created before the servers start, so that it is removed after they have
    // stopped.
    let directory = tempfile::Builder::new().prefix("portal-test-").tempdir()?;
    // Browsers and killed tests leave files behind. Those in this directory are removed together
    // with it.
    let scratch = directory.path().join("scratch");
    fs::create_dir(&scratch)?;

    let mut tests = cargo.command(["test"]);
    if !selects_packages(arguments) {
        tests.arg("--workspace");
    }
    tests.args(arguments);
    tests.env(BINARY, binary).env(BUILD, build.join(" "));
    tests.env("TMPDIR", &scratch);

    let postgres = needs(POSTGRES).then(|| {
        step("start PostgreSQL", || {
            let programs = tools.path(Tool::Postgres)?;
            Postgres::start(programs, directory.path(), Durability::Off, interrupt)
        })
    });
    let postgres = postgres.transpose()?;
    let driver = needs(CHROMEDRIVER).then(|| {
        step("start chromedriver", || {
            let program = tools.path(Tool::Chromedriver)?;
            Chromedriver::start(program, directory.path(), &scratch, interrupt)
        })
    });
    let driver = driver.transpose()?;

    if let Some(postgres) = &postgres {
        tests.env(POSTGRES, postgres.uri());
    }
    if let Some(driver) = &driver {
        tests.env(CHROMEDRIVER, driver.url());
    }
    if needs(CHROMIUM) {
        tests.env(CHROMIUM, tools.path(Tool::Chromium)?);
    }
    let outcome = step("cargo test", || {
        process::run("cargo test", &mut tests, interrupt)
    });
    step("stop the servers", || {
        drop((driver, postgres));
        Ok(directory.close()?)
    })?;
    outcome?;
    if runs_all {
        chaos::run_short(cargo, build, interrupt)?;
    }
    Ok(())
}

/// Returns build arguments with which `cargo test` can reuse the build.
///
/// All packages together enable more features than the reference portal alone; building them
/// together avoids compiling the dependencies twice.
fn build_arguments(test_arguments: &[String]) -> &'static [&'static str] {
    if selects_packages(test_arguments) {
        &["--package", "reference-portal"]
    } else {
        &[
            "--workspace",
            "--tests",
            "--bin",
            "reference-portal",
            "--bin",
            "portal-bench",
        ]
    }
}

/// Returns `true` if the arguments select packages.
fn selects_packages(arguments: &[String]) -> bool {
    let of_cargo = arguments.iter().take_while(|argument| *argument != "--");
    let mut of_cargo = of_cargo.map(String::as_str);
    of_cargo.any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::selects_packages;

    fn arguments(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn package_flags_after_double_dash_are_ignored() {
        assert!(selects_packages(&arguments("-p portal-core auth::")));
        assert!(selects_packages(&arguments("--package=portal-core")));
        assert!(!selects_packages(&arguments("auth:: -- -p")));
        assert!(!selects_packages(&arguments("--doc")));
    }
}
