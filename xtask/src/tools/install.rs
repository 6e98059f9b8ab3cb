//! Installs tools with the system's package manager, or returns instructions for doing so.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use portal_testkit::process::CommandFailed;

use super::{Tool, find, titles};

/// Script that installs packages on Debian and Ubuntu; its arguments are the package names.
const DEBIAN_SCRIPT: &str = include_str!("install_debian.sh");

/// Installs the tools' packages, or fails with an error that names the packages.
pub(super) fn install(missing: &[Tool]) -> Result<()> {
    let system = System::current();
    let Some(mut command) = system.installer() else {
        bail!("{} not found; {}", titles(missing), by_hand(missing));
    };
    let packages = system.packages(missing);
    eprintln!("xtask: installing {}", packages.join(" "));
    // The command is in the foreground process group, so that Ctrl-C reaches apt, which then stops
    // cleanly.
    let status = command
        .args(["sh", "-eu", "-c", DEBIAN_SCRIPT, "install"])
        .args(&packages)
        .stdin(Stdio::null())
        .status()?;
    CommandFailed::unless_success(format!("apt-get install {}", packages.join(" ")), status)
}

/// Returns instructions for installing the tools manually.
pub(super) fn by_hand(tools: &[Tool]) -> String {
    let system = System::current();
    match system {
        System::Debian | System::Ubuntu => format!(
            "run `sudo apt-get install --no-install-recommends {}` and try again",
            system.packages(tools).join(" "),
        ),
        System::Other => {
            let lines: Vec<_> = tools.iter().map(|tool| packages_elsewhere(*tool)).collect();
            format!("install this and try again:\n{}", lines.join("\n"))
        }
    }
}

/// Operating systems, grouped by their package names.
#[derive(Clone, Copy)]
enum System {
    Debian,
    Ubuntu,
    Other,
}

impl System {
    fn current() -> Self {
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        Self::named_in(&release)
    }

    /// Detects the system by `ID` and `ID_LIKE` in the text of an os-release file.
    fn named_in(release: &str) -> Self {
        let names: Vec<&str> = release
            .lines()
            .filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")))
            .flat_map(|names| names.trim_matches(['"', '\'']).split(' '))
            .collect();
        if names.contains(&"ubuntu") {
            Self::Ubuntu
        } else if names.contains(&"debian") {
            Self::Debian
        } else {
            Self::Other
        }
    }

    /// Returns the start of a command that runs as root, if possible.
    fn installer(self) -> Option<Command> {
        if matches!(self, Self::Other) || find::in_search_path("apt-get").is_none() {
            return None;
        }
        if rustix::process::geteuid().is_root() {
            return Some(Command::new("env"));
        }
        let sudo = find::in_search_path("sudo")?;
        let mut try_sudo = Command::new(&sudo);
        try_sudo.args(["-n", "true"]).stderr(Stdio::null());
        if !try_sudo.status().ok()?.success() {
            return None;
        }
        let mut command = Command::new(sudo);
        command.args(["-n", "env"]);
        Some(command)
    }

    fn packages(self, tools: &[Tool]) -> Vec<&'static str> {
        let packages = tools.iter().map(|tool| match (self, tool) {
            (_, Tool::Postgres) => "postgresql",
            (Self::Ubuntu, Tool::Chromium) => "chromium-browser",
            (Self::Ubuntu, Tool::Chromedriver) => "chromium-chromedriver",
            (_, Tool::Chromium) => "chromium",
            (_, Tool::Chromedriver) => "chromium-driver",
            (_, Tool::Node) => "nodejs",
        });
        packages.collect()
    }
}

/// Returns a tool's packages on systems where this program does not install them.
fn packages_elsewhere(tool: Tool) -> &'static str {
    match tool {
        Tool::Postgres => {
            "  PostgreSQL server: Fedora `postgresql-server`, Arch `postgresql`, Alpine `postgresql`, Homebrew `postgresql@17`"
        }
        Tool::Chromium => {
            "  Chromium: Fedora, Arch and Alpine `chromium`, Homebrew `--cask google-chrome`"
        }
        Tool::Chromedriver => {
            "  chromedriver: Fedora `chromedriver`, Arch `chromium`, Alpine `chromium-chromedriver`, Homebrew `--cask chromedriver`"
        }
        Tool::Node => "  Node.js 18 or later: Fedora, Arch and Alpine `nodejs`, Homebrew `node`",
    }
}

#[cfg(test)]
mod tests {
    use super::System;

    #[test]
    fn system_is_detected_by_id_or_id_like() {
        let debian = "NAME=\"Debian GNU/Linux\"\nID=debian\n";
        let mint = "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
        let fedora = "ID=fedora\n";
        assert!(matches!(System::named_in(debian), System::Debian));
        assert!(matches!(System::named_in(mint), System::Ubuntu));
        assert!(matches!(System::named_in(fedora), System::Other));
    }
}
