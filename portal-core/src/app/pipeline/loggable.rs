//! Loggable paths: request paths without client tokens.

use std::borrow::Cow;

/// Number of characters of a token that are kept, as in a user's token list.
const HINT_LEN: usize = 8;

/// Truncates client tokens in a path, so that the log does not reveal them.
pub(super) fn loggable(path: &str) -> Cow<'_, str> {
    if !segments(path).any(|(_, is_token)| is_token) {
        return Cow::Borrowed(path);
    }
    let cut = segments(path).map(|(segment, is_token)| {
        if !is_token {
            return Cow::Borrowed(segment);
        }
        let hint: String = segment.chars().take(HINT_LEN).collect();
        Cow::Owned(format!("{hint}…"))
    });
    Cow::Owned(cut.collect::<Vec<_>>().join("/"))
}

/// Returns the segments of a path, each with `true` if it is a client token.
fn segments(path: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut before = [""; 3];
    path.split('/').map(move |segment| {
        let is_token = segment.len() > HINT_LEN && precedes_token(before);
        before = [before[1], before[2], segment];
        (segment, is_token)
    })
}

/// Returns `true` if a client token follows these three segments.
fn precedes_token(segments: [&str; 3]) -> bool {
    match segments {
        [_, "api", "client-tokens" | "tasks"] => true,
        // In administrators' routes, the segment at this position is a task id.
        ["api", "admin", "tasks"] => false,
        ["api" | "ws", _, "tasks"] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123abcd-89ab-4def-8123-456789abcdef";

    #[test]
    fn client_tokens_are_truncated_in_every_route() {
        for (path, expected) in [
            ("/api/tasks/T/monitor", "/api/tasks/0123abcd…/monitor"),
            ("/api/tasks/T/T/monitor", "/api/tasks/0123abcd…/T/monitor"),
            ("/ws/probe/tasks/T", "/ws/probe/tasks/0123abcd…"),
            (
                "/api/probe/tasks/T/start/echo",
                "/api/probe/tasks/0123abcd…/start/echo",
            ),
            (
                "/portal/api/probe/tasks/T",
                "/portal/api/probe/tasks/0123abcd…",
            ),
            ("/api/client-tokens/T", "/api/client-tokens/0123abcd…"),
            ("/api/tasks", "/api/tasks"),
            ("/admin/tasks/T", "/admin/tasks/T"),
            ("/api/admin/tasks/T/events", "/api/admin/tasks/T/events"),
        ] {
            let (path, expected) = (path.replace('T', TOKEN), expected.replace('T', TOKEN));
            assert_eq!(loggable(&path), expected);
        }
    }
}
