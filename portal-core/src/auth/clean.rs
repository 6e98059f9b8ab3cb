//! Sanitization of provider profiles: keeps displayable values and drops the rest.

use url::Url;

use super::identity::Profile;

/// Maximum length of a first or last name, in characters.
const MAX_NAME_LEN: usize = 256;
/// Maximum length of an e-mail address, in bytes (RFC 5321).
const MAX_EMAIL_LEN: usize = 320;
/// Maximum length of a picture URL, in bytes.
const MAX_PICTURE_LEN: usize = 2048;

/// Returns a profile that is safe to store and display.
///
/// Users enter parts of their profiles themselves: names may contain characters that reverse the
/// surrounding text, or be long enough to fill a page.
pub(super) fn cleaned(profile: &Profile) -> Profile {
    let mut clean = profile.clone();
    clean.first_name = name(&profile.first_name);
    clean.last_name = name(&profile.last_name);
    clean.avatar_url = profile.avatar_url.as_deref().and_then(picture);
    if !is_email(&profile.email) {
        // A repaired address would be a different one, whose owner may have different permissions.
        clean.email = String::new();
        clean.email_verified = false;
    }
    clean
}

fn name(text: &str) -> String {
    let visible = |letter: &char| !letter.is_control() && !is_direction(*letter);
    let text: String = text.chars().filter(visible).collect();
    let text: String = text.trim().chars().take(MAX_NAME_LEN).collect();
    text.trim_end().to_owned()
}

/// Returns `true` for characters that change the text direction (UAX #9).
fn is_direction(letter: char) -> bool {
    matches!(
        letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

fn is_email(text: &str) -> bool {
    let fits =
        |letter: char| !letter.is_control() && !letter.is_whitespace() && !is_direction(letter);
    text.len() <= MAX_EMAIL_LEN && text.chars().all(fits)
}

/// Returns the URL of a picture if pages may load it: only `https` URLs are allowed.
pub(super) fn picture(text: &str) -> Option<String> {
    if text.len() > MAX_PICTURE_LEN {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    (url.scheme() == "https" && url.has_host() && is_plain).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(first_name: &str, email: &str, picture: &str) -> Profile {
        cleaned(&Profile {
            first_name: first_name.to_owned(),
            email: email.to_owned(),
            email_verified: true,
            avatar_url: Some(picture.to_owned()),
            ..Profile::default()
        })
    }

    #[test]
    fn names_lose_invisible_characters_and_are_truncated() {
        for (text, expected) in [
            ("Ada", "Ada"),
            ("  Ada\u{0} \n", "Ada"),
            ("\u{202e}nimda\u{202c}", "nimda"),
            ("a\u{2066}b\u{2069}\u{200f}\u{61c}c", "abc"),
            ("Zoë \u{645}\u{200c}\u{6cc}", "Zoë \u{645}\u{200c}\u{6cc}"),
            ("👩\u{200d}💻", "👩\u{200d}💻"),
        ] {
            assert_eq!(profile(text, "", "").first_name, expected, "{text:?}");
        }
        let long = profile(&"ä".repeat(100_000), "", "").first_name;
        assert_eq!(long.chars().count(), 256);
    }

    #[test]
    fn pictures_are_loaded_over_https_only() {
        for good in [
            "https://img.clerk.com/x?w=1",
            "https://a.example:8443/b.png",
        ] {
            assert_eq!(profile("", "", good).avatar_url.as_deref(), Some(good));
        }
        let long = format!("https://a.example/{}", "x".repeat(MAX_PICTURE_LEN));
        for bad in [
            "",
            "javascript:alert(3)",
            "data:image/png;base64,AA",
            "http://a.example/x",
            "//a.example/x",
            "/x",
            "https://user:secret@a.example/x",
            "https://",
            &long,
        ] {
            assert_eq!(profile("", "", bad).avatar_url, None, "{bad}");
        }
    }

    #[test]
    fn invalid_email_is_dropped_instead_of_repaired() {
        let good = profile("", "ada@example.com", "");
        assert_eq!(
            (good.email.as_str(), good.email_verified),
            ("ada@example.com", true)
        );
        for bad in [
            "ro\u{0}ot@example.com",
            "root\u{202e}@example.com",
            " root@example.com",
        ] {
            let user = profile("", bad, "");
            assert_eq!(
                (user.email.as_str(), user.email_verified),
                ("", false),
                "{bad:?}"
            );
        }
    }
}
