//! Limits on file length.

use super::Finding;
use super::sources::Source;

/// Number of lines above which a file should be split.
const MAX_RECOMMENDED: usize = 400;
/// Number of lines above which a file must be split.
const MAX_LINES: usize = 600;

/// Returns a warning for a file that is becoming too long.
pub(super) fn warning(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    let path = source.path.display();
    (MAX_RECOMMENDED < lines && lines <= MAX_LINES)
        .then(|| format!("{path} has {lines} lines; split it before it has {MAX_LINES}"))
}

/// Returns a finding for a file that is too long.
pub(super) fn finding(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    (lines > MAX_LINES).then(|| Finding {
        path: source.path.clone(),
        line: lines,
        message: format!("{lines} lines; split the file into parts of at most {MAX_LINES}"),
    })
}

#[cfg(test)]
mod tests {
    use super::{Source, finding, warning};

    fn file_of(lines: usize) -> Source {
        Source::new("portal-core/src/page.rs", "x\n".repeat(lines))
    }

    #[test]
    fn file_with_600_lines_is_accepted() {
        assert!(warning(&file_of(400)).is_none());
        assert!(warning(&file_of(401)).is_some());
        assert!(finding(&file_of(600)).is_none());
        assert!(finding(&file_of(601)).is_some());
    }
}
