//! `.env` file: parsing with errors that do not reveal secrets.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use super::variables::{PORTAL_SETTINGS, Setting};

const FILE: &str = ".env";

/// Reason why `.env` cannot be read. The error never contains the content of a line, which may be a
/// secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DotEnvError {
    /// A line does not have the form `NAME=value`.
    Line {
        number: Option<usize>,
        /// Set only for declared variables, because part of a secret could look like a name.
        variable: Option<String>,
    },
    /// The file cannot be opened or is not text.
    File(String),
}

impl fmt::Display for DotEnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(reason) => write!(f, "failed to read {FILE}: {reason}"),
            Self::Line { number, variable } => {
                match number {
                    Some(number) => write!(f, "line {number} of {FILE}")?,
                    None => write!(f, "a line of {FILE}")?,
                }
                if let Some(variable) = variable {
                    write!(f, ", {variable},")?;
                }
                f.write_str(
                    " is invalid; write `NAME=value`, with quotes around a value with spaces, \
                     and close every quote",
                )
            }
        }
    }
}

/// Reads `.env` from the working directory into a map, if the file exists. Does not change the
/// process's environment.
pub(super) fn read(extra: &[Setting]) -> Result<HashMap<String, String>, DotEnvError> {
    match std::fs::read(Path::new(FILE)) {
        Ok(bytes) => {
            let text = String::from_utf8(bytes)
                .map_err(|_| DotEnvError::File("it is not UTF-8 text".to_owned()))?;
            parse(&text, extra)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HashMap::new()),
        Err(error) => Err(DotEnvError::File(error.to_string())),
    }
}

fn parse(text: &str, extra: &[Setting]) -> Result<HashMap<String, String>, DotEnvError> {
    let pairs = dotenvy::from_read_iter(text.as_bytes());
    pairs
        .collect::<Result<_, _>>()
        .map_err(|error| match error {
            dotenvy::Error::LineParse(line, _) => bad_line(text, &line, extra),
            // Other errors do not contain text from the file.
            error => DotEnvError::File(error.to_string()),
        })
}

/// Finds the invalid line. The parser's error contains either the whole line or only the value.
fn bad_line(text: &str, content: &str, extra: &[Setting]) -> DotEnvError {
    let content = content.trim();
    let start_of_line = |at: usize| {
        let start = text.get(..at)?.rfind('\n').map_or(0, |before| before + 1);
        let before = text.get(start..at)?.trim();
        let is_there = before.is_empty() || (before.ends_with('=') && !before.starts_with('#'));
        is_there.then_some(start)
    };
    let mut found = text.match_indices(content).map(|(at, _)| at);
    let start = found
        .find_map(start_of_line)
        .filter(|_| !content.is_empty());
    let (before, line) = start.map_or(("", ""), |start| text.split_at(start));
    let name = line.split_once('=').map(|(name, _)| name.trim());
    let name = name.map(|name| name.strip_prefix("export ").unwrap_or(name).trim());
    let mut known = PORTAL_SETTINGS.iter().chain(extra);
    let variable =
        name.filter(|name| known.any(|it| it.name == *name || it.aliases.contains(name)));
    DotEnvError::Line {
        number: start.map(|_| before.matches('\n').count() + 1),
        variable: variable.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_line_is_identified_but_never_shown() {
        for (text, expected) in [
            (
                "APP_NAME=x\nSECRET_KEY=hunter2 and more\n",
                "line 2 of .env, SECRET_KEY, is invalid",
            ),
            (
                "# hunter2\r\n\r\nexport DB_PASSWORD=\"hunter2\r\nmore\r\n",
                "line 3 of .env, DB_PASSWORD, is invalid",
            ),
            ("hunter2", "line 1 of .env is invalid"),
            ("A=1\nhunter2\n", "line 2 of .env is invalid"),
            // This part of a secret looks like a variable.
            (
                "A=1\nhunter2=\n\nhunter2==x y\n",
                "line 4 of .env is invalid",
            ),
            ("X=hunter2 hunter2\n", "line 1 of .env is invalid"),
            (
                "MAIL_KEY='hunter2\n",
                "line 1 of .env, MAIL_KEY, is invalid",
            ),
        ] {
            let error = parse(text, &[Setting::new("MAIL_KEY", "")]).unwrap_err();
            let shown = error.to_string();
            assert!(shown.starts_with(expected), "{text:?}: {shown}");
            assert!(!format!("{shown}{error:?}").contains("hunter"), "{shown}");
        }
    }

    #[test]
    fn valid_file_is_read() {
        let values = parse("A=1\n# b\nexport B='two words'\n", &[]).unwrap();
        assert_eq!(
            (values["A"].as_str(), values["B"].as_str()),
            ("1", "two words")
        );
    }
}
