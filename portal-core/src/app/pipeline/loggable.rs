//! Loggable paths: request paths without client tokens.

use std::borrow::Cow;

/// Number of characters of a token that are kept, as in the list of a user's tokens.
const HINT_LEN: usize = 8;

/// Truncates client tokens in a path, so that they cannot be taken from the log.
pub(super) fn loggable(path: &str) -> Cow<'_, str> {
    let segments: Vec<&str> = path.split('/').collect();
    let follows_route = |at: usize| {
        let before = |distance: usize| at.checked_sub(distance).map(|at| segments[at]);
        match (before(3), before(2), before(1)) {
            (_, Some("api"), Some("client-tokens" | "tasks")) => true,
            // Administrators' routes contain the id of a task at this position.
            (Some("api"), Some("admin"), Some("tasks")) => false,
            (Some("api" | "ws"), Some(_), Some("tasks")) => true,
            _ => false,
        }
    };
    let is_token = |(at, segment): (usize, &&str)| segment.len() > HINT_LEN && follows_route(at);
    if !segments.iter().enumerate().any(is_token) {
        return Cow::Borrowed(path);
    }
    let cut = segments.iter().enumerate().map(|(at, segment)| {
        if !is_token((at, segment)) {
            return Cow::Borrowed(*segment);
        }
        let hint: String = segment.chars().take(HINT_LEN).collect();
        Cow::Owned(format!("{hint}…"))
    });
    Cow::Owned(cut.collect::<Vec<_>>().join("/"))
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
