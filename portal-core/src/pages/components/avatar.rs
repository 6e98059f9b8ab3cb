use maud::{Markup, html};

use crate::pages::theme::Accent;

/// Returns up to two initials for a name or an e-mail address.
fn initials(name: &str) -> String {
    let name = name.split('@').next().unwrap_or(name);
    let mut words = name
        .split([' ', '.', '-', '_'])
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    let text: String = first
        .into_iter()
        .chain(last)
        .flat_map(char::to_uppercase)
        .collect();
    if text.is_empty() {
        "?".to_owned()
    } else {
        text
    }
}

/// Returns the color for an id; the same id always has the same color.
fn colour(id: &str) -> &'static str {
    let sum = id.bytes().fold(7_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(byte))
    });
    Accent::ALL
        .get(sum % Accent::ALL.len())
        .copied()
        .unwrap_or_default()
        .as_str()
}

/// Renders initials on a color derived from the id. It is decorative: show the name next to it.
#[must_use]
pub fn avatar(id: &str, name: &str) -> Markup {
    sized_avatar(id, name, None, 2)
}

/// Renders an avatar of 20, 28 or 56px (`size` 1, 2 or 3), with the picture if there is one.
#[must_use]
pub fn sized_avatar(id: &str, name: &str, picture: Option<&str>, size: u8) -> Markup {
    let size = (size != 2).then_some(size);
    html! {
        @if let Some(picture) = picture {
            img class="pt-avatar" data-size=[size] src=(picture) alt="" width="28" height="28" loading="lazy" referrerpolicy="no-referrer";
        } @else {
            span class="pt-avatar" data-size=[size] data-accent=(colour(id)) aria-hidden="true" { (initials(name)) }
        }
    }
}

/// Renders a user as shown in tables and menus: avatar, name and a second line.
#[must_use]
pub fn person(id: &str, name: &str, second_line: Option<&str>) -> Markup {
    html! {
        span class="pt-person" {
            (avatar(id, name))
            span class="pt-identity" {
                span { (name) }
                @if let Some(line) = second_line { span { (line) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_come_from_first_and_last_word() {
        assert_eq!(initials("Ada King Lovelace"), "AL");
        assert_eq!(initials("ada@example.com"), "A");
        assert_eq!(initials("grace.hopper@navy.mil"), "GH");
        assert_eq!(initials("  "), "?");
    }
}
