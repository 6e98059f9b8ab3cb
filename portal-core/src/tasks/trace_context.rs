//! Trace context of the request that enqueues a task.

use axum::http::HeaderMap;

use crate::security::REQUEST_ID;

/// Returns the trace parent of a request (`traceparent` as in W3C Trace Context) or its request id.
pub(super) fn of_request(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text("traceparent")
        .filter(|value| is_trace_parent(value))
        .or_else(|| text(REQUEST_ID.as_str()))
        .map(str::to_owned)
}

/// Returns `true` for `version-trace_id-parent_id-flags` in lower-case hexadecimal digits.
///
/// Later versions may append fields after the flags, which would not be stored, so only the current
/// version is accepted.
fn is_trace_parent(value: &str) -> bool {
    let parts: Vec<_> = value.split('-').collect();
    let [version, trace_id, parent_id, flags] = parts[..] else {
        return false;
    };
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits
            && part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |part: &str, digits| is_hex(part, digits) && part.bytes().any(|byte| byte != b'0');
    version == "00" && is_id(trace_id, 32) && is_id(parent_id, 16) && is_hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_trace_parents_are_accepted() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_trace_parent(valid));
        for other in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert!(!is_trace_parent(other), "{other}");
        }
    }

    #[test]
    fn request_id_replaces_a_missing_trace_parent() {
        let mut headers = HeaderMap::new();
        assert_eq!(of_request(&headers), None);
        headers.insert(REQUEST_ID, "abc-1".parse().expect("header is valid"));
        assert_eq!(of_request(&headers).as_deref(), Some("abc-1"));
        headers.insert("traceparent", "nonsense".parse().expect("header is valid"));
        assert_eq!(of_request(&headers).as_deref(), Some("abc-1"));
    }
}
