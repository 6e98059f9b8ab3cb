//! Syntax of page routes.

/// Checks a route; the error states the fix.
///
/// The router would also reject an invalid route, but only at start-up and without its location in
/// the source.
pub(crate) fn check(route: &str) -> Result<(), String> {
    if !route.starts_with('/') {
        let colon = if route.contains("/:") {
            "; write `{id}` instead of `:id`"
        } else {
            ""
        };
        return Err(format!("a route must start with `/`{colon}"));
    }
    if let Some(sign) = route.chars().find(|sign| matches!(sign, '?' | '#')) {
        return Err(format!(
            "a route cannot contain `{sign}`; read the query with `Query`"
        ));
    }
    let mut names = Vec::new();
    let segments: Vec<&str> = route.split('/').skip(1).collect();
    for (position, segment) in segments.iter().enumerate() {
        let is_last = position + 1 == segments.len();
        if let Some(name) = parameter(segment, is_last)? {
            if names.contains(&name) {
                return Err(format!("duplicate parameter `{{{name}}}` in the route"));
            }
            names.push(name);
        }
    }
    Ok(())
}

/// Returns `true` if the route has a parameter.
pub(crate) fn has_parameter(route: &str) -> bool {
    route.replace("{{", "").contains('{')
}

/// Returns the number of parameters in a route that [`check`] accepts.
pub(crate) fn parameter_count(route: &str) -> usize {
    let segments = route.split('/').skip(1);
    segments
        .filter(|segment| matches!(parameter(segment, true), Ok(Some(_))))
        .count()
}

/// Returns the name of the parameter in a segment, if any.
fn parameter(segment: &str, is_last: bool) -> Result<Option<&str>, String> {
    if let Some(name) = segment.strip_prefix(':') {
        return Err(format!("write `{{{name}}}` instead of `:{name}`"));
    }
    if let Some(name) = segment.strip_prefix('*') {
        return Err(format!("write `{{*{name}}}` instead of `*{name}`"));
    }
    if segment.contains("{{") || segment.contains("}}") {
        // Escaped braces are literal text; the router checks the rest.
        return Ok(None);
    }
    let Some((_, rest)) = segment.split_once('{') else {
        return if segment.contains('}') {
            Err(unbalanced())
        } else {
            Ok(None)
        };
    };
    let (name, after) = rest.split_once('}').ok_or_else(unbalanced)?;
    if !after.is_empty() {
        return Err(format!(
            "`{{{name}}}` must end its segment; remove `{after}`"
        ));
    }
    if let Some(name) = name.strip_prefix('*')
        && !is_last
    {
        return Err(format!(
            "`{{*{name}}}` matches the rest of the path and must come last"
        ));
    }
    if name.trim_start_matches('*').is_empty() {
        return Err("a parameter needs a name, as in `{id}`".to_owned());
    }
    if name.contains('{') {
        return Err(unbalanced());
    }
    Ok(Some(name))
}

fn unbalanced() -> String {
    "unbalanced braces in the route; write one `}` for each `{`, as in `/users/{id}`".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_routes_pass() {
        for route in [
            "/",
            "/users",
            "/users/{id}",
            "/files/{*path}",
            "/v{version}/{id}",
            "/a{{b}}",
            "/a/",
        ] {
            assert_eq!(check(route), Ok(()), "{route}");
        }
    }

    #[test]
    fn invalid_route_reports_the_fix() {
        for (route, message) in [
            ("users", "a route must start with `/`"),
            (
                "users/:id",
                "a route must start with `/`; write `{id}` instead of `:id`",
            ),
            ("", "a route must start with `/`"),
            ("/users/:id", "write `{id}` instead of `:id`"),
            ("/files/*path", "write `{*path}` instead of `*path`"),
            (
                "/users?page=2",
                "a route cannot contain `?`; read the query with `Query`",
            ),
            (
                "/users/{id",
                "unbalanced braces in the route; write one `}` for each `{`, as in `/users/{id}`",
            ),
            (
                "/users/id}",
                "unbalanced braces in the route; write one `}` for each `{`, as in `/users/{id}`",
            ),
            ("/users/{}", "a parameter needs a name, as in `{id}`"),
            (
                "/users/{id}.json",
                "`{id}` must end its segment; remove `.json`",
            ),
            (
                "/{*path}/edit",
                "`{*path}` matches the rest of the path and must come last",
            ),
            ("/{id}/{id}", "duplicate parameter `{id}` in the route"),
        ] {
            assert_eq!(check(route), Err(message.to_owned()), "{route}");
        }
    }

    #[test]
    fn parameters_are_counted() {
        for (route, count) in [
            ("/", 0),
            ("/a/{id}", 1),
            ("/{a}/b{c}/{*rest}", 3),
            ("/a{{b}}", 0),
        ] {
            assert_eq!(parameter_count(route), count, "{route}");
        }
    }

    #[test]
    fn escaped_brace_is_not_a_parameter() {
        assert!(has_parameter("/users/{id}"));
        assert!(!has_parameter("/a{{b}}"));
    }
}
