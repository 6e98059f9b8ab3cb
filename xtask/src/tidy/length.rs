//! Files that a reader cannot hold in mind.

use super::Fault;
use super::sources::Source;

/// From here on a file should be split.
const LONG: usize = 400;
/// From here on it must be.
const TOO_LONG: usize = 600;

/// A word about a file that is getting long.
pub(super) fn warning(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    let path = source.path.display();
    (LONG < lines && lines <= TOO_LONG)
        .then(|| format!("{path} has {lines} lines, split it before it has {TOO_LONG}"))
}

/// A file that is too long.
pub(super) fn fault(source: &Source) -> Option<Fault> {
    let lines = source.text.lines().count();
    (lines > TOO_LONG).then(|| Fault {
        path: source.path.clone(),
        line: lines,
        message: format!("{lines} lines, split the file so that each part has {TOO_LONG} at most"),
    })
}

#[cfg(test)]
mod tests {
    use super::{Source, fault, warning};

    fn file_of(lines: usize) -> Source {
        Source::new("portal-core/src/page.rs", "x\n".repeat(lines))
    }

    #[test]
    fn a_file_may_have_600_lines() {
        assert!(warning(&file_of(400)).is_none());
        assert!(warning(&file_of(401)).is_some());
        assert!(fault(&file_of(600)).is_none());
        assert!(fault(&file_of(601)).is_some());
    }
}
