use maud::{Markup, html};

/// Renders the actor of an audit entry: a person's e-mail address or a program's name.
///
/// A name that looks like a variable, such as the name of an applied setting, is rendered as code.
///
/// ```
/// use portal_core::pages::components::actor_name;
///
/// assert_eq!(actor_name("ada@example.com", true).into_string(), "ada@example.com");
/// assert_eq!(actor_name("nightly import", false).into_string(), "nightly import");
/// assert!(actor_name("ADMIN_USER_EMAILS", false).into_string().contains("<code"));
/// ```
#[must_use]
pub fn actor_name(name: &str, is_person: bool) -> Markup {
    let is_variable = name.contains('_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    html! {
        @if is_variable && !is_person { code { (name) } } @else { (name) }
    }
}
