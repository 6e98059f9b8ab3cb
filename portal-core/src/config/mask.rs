//! Masking of passwords in the values of settings.

use percent_encoding::percent_decode_str;

const MASK: &str = "********";

/// Words in a parameter's name that mark its value as a secret.
const SECRET_WORDS: [&str; 6] = ["password", "passwd", "passphrase", "pwd", "secret", "token"];

/// Masks the password and secret parameters of a URI for display.
///
/// Also works on text that is not a valid URI. When in doubt, it masks too much rather than too
/// little.
///
/// ```
/// use portal_core::config::mask_uri;
///
/// assert_eq!(mask_uri("postgres://ann:hunter2@db/crm"), "postgres://ann:********@db/crm");
/// assert_eq!(mask_uri("postgres://db/crm?password=hunter2"), "postgres://db/crm?password=********");
/// ```
#[must_use]
pub fn mask_uri(value: &str) -> String {
    mask_parameters(&mask_user_info(value))
}

fn mask_user_info(value: &str) -> String {
    let (scheme, rest) = match value.find("://") {
        Some(at) => value.split_at(at + 3),
        None => ("", value),
    };
    // A password may contain any separator, including `@`.
    if let Some((user_info, host)) = rest.rsplit_once('@') {
        return match user_info.split_once(':') {
            Some((user, _)) => format!("{scheme}{user}:{MASK}@{host}"),
            None => value.to_owned(),
        };
    }
    // A port consists of digits only, so anything else is a password without a host.
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port))
            if !scheme.is_empty()
                && !authority.ends_with(']')
                && !port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            format!("{scheme}{host}:{MASK}")
        }
        _ => value.to_owned(),
    }
}

fn mask_parameters(value: &str) -> String {
    let mut shown = String::with_capacity(value.len());
    for part in value.split_inclusive(['?', '&', ';', ' ', ',', '#']) {
        let separator = part.len() - part.trim_end_matches(['?', '&', ';', ' ', ',', '#']).len();
        let (text, separator) = part.split_at(part.len() - separator);
        match text.split_once('=') {
            Some((name, secret)) if !secret.is_empty() && is_secret(name) => {
                shown.push_str(name);
                shown.push('=');
                shown.push_str(MASK);
            }
            _ => shown.push_str(text),
        }
        shown.push_str(separator);
    }
    shown
}

fn is_secret(name: &str) -> bool {
    let name = percent_decode_str(name).decode_utf8_lossy().to_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_masked_in_all_uri_forms() {
        for uri in [
            "postgres://u:hunter2@db/x",
            "postgres://u:hun/ter2@db/x",
            "postgres://u:hun@ter2@db/x",
            "postgres://u:hun?ter2@db/x",
            "postgres://u:hun#ter2@db/x",
            "postgres://u:hunter2",
            "postgres://:hunter2@db/x",
            "postgres://u:h%75nter2@db:port/x",
            "postgres:u:hunter2@db/x",
            "u:hunter2@db",
            "postgres://db/x?user=u&password=hunter2",
            "postgres://db/x?PassWord=hunter2&sslmode=require",
            "postgres://db/x?pass%77ord=hunter2",
            "postgres://u:hunter2@db/x?password=hunter2",
            "host=db user=u password=hunter2 dbname=x",
            "sqlite://file.db?secret_key=hunter2",
        ] {
            let shown = mask_uri(uri);
            for part in ["hunter2", "hun", "ter2", "h%75nter2"] {
                assert!(!shown.contains(part), "{uri}: {shown}");
            }
            assert!(shown.contains(MASK), "{uri}: {shown}");
        }
    }

    #[test]
    fn value_without_a_secret_is_unchanged() {
        for value in [
            "",
            "Portal",
            "8000",
            "sqlite://portal.db",
            "postgres://ann@db:5432/crm?sslmode=require",
            "https://portal.example.com:8443",
            "http://[::1]:8000",
            "info,sqlx=warn",
            "ann@example.com,bob@example.com",
            "10.0.0.0/8,::1",
        ] {
            assert_eq!(mask_uri(value), value);
        }
    }
}
