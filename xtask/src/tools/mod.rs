//! Programs that the tests need but cargo does not provide.

mod find;
mod install;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// A program that the tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// PostgreSQL server; its path is the directory that contains `initdb` and `postgres`.
    Postgres,
    /// Chromium or Google Chrome.
    Chromium,
    /// WebDriver for Chromium.
    Chromedriver,
    /// Node.js, which runs the scripts' unit tests.
    Node,
}

impl Tool {
    fn find(self) -> Option<PathBuf> {
        match self {
            Self::Postgres => find::postgres(),
            Self::Chromium => find::chromium(),
            Self::Chromedriver => find::chromedriver(),
            Self::Node => find::node(),
        }
    }

    /// Display name.
    fn title(self) -> &'static str {
        match self {
            Self::Postgres => "the PostgreSQL server",
            Self::Chromium => "Chromium",
            Self::Chromedriver => "chromedriver",
            Self::Node => "Node.js",
        }
    }
}

/// The programs that were found, and their paths.
pub(crate) struct Tools {
    found: Vec<(Tool, PathBuf)>,
}

impl Tools {
    /// Finds the tools; installs the missing ones if possible.
    pub(crate) fn provide(needed: &[Tool]) -> Result<Self> {
        let missing = missing(needed);
        if !missing.is_empty() {
            install::install(&missing)?;
        }
        let still_missing = self::missing(needed);
        if !still_missing.is_empty() {
            bail!(
                "{} not found even though its packages are installed; {}",
                titles(&still_missing),
                install::by_hand(&still_missing),
            );
        }
        let found = needed.iter().filter_map(|tool| Some((*tool, tool.find()?)));
        let tools = Self {
            found: found.collect(),
        };
        for (tool, path) in &tools.found {
            eprintln!("xtask: {} is {}", tool.title(), path.display());
        }
        Ok(tools)
    }

    /// Returns the path of a tool.
    pub(crate) fn path(&self, tool: Tool) -> Result<&Path> {
        let found = self.found.iter().find(|(other, _)| *other == tool);
        let (_, path) = found.with_context(|| format!("{} was not requested", tool.title()))?;
        Ok(path)
    }
}

fn missing(needed: &[Tool]) -> Vec<Tool> {
    let missing = needed.iter().filter(|tool| tool.find().is_none());
    missing.copied().collect()
}

/// Returns the tools' display names, joined by "and".
fn titles(tools: &[Tool]) -> String {
    let titles: Vec<_> = tools.iter().map(|tool| tool.title()).collect();
    titles.join(" and ")
}
