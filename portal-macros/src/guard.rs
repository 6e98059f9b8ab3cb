//! Access rules for pages, tasks and models, all of which use the same keys.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::LitStr;

use crate::errors::Errors;
use crate::keys::{Flag, Keys};
use crate::paths::located_at;

/// Access rule specified by the `requires_..` keys.
#[derive(Clone, Debug)]
pub(crate) enum AccessRule {
    Public,
    User,
    Admin,
    Role(LitStr),
    Permission(LitStr),
}

impl AccessRule {
    /// Reads `requires_auth`, `requires_admin`, `requires_role` and `requires_permission`.
    pub(crate) fn take(keys: &mut Keys, errors: &mut Errors) -> Self {
        let auth = keys.take_flag("requires_auth", errors);
        let admin = keys.is_set("requires_admin", errors);
        let named = Self::take_named(keys, errors);
        let (key, guard) = match named {
            Some((key, _, guard)) if !admin => (key, guard),
            Some((key, span, _)) => {
                errors.at(
                    span,
                    format!("`{key}` already includes administrators; keep either `{key}` or `requires_admin`"),
                );
                ("requires_admin", Self::Admin)
            }
            None if admin => ("requires_admin", Self::Admin),
            None => match auth {
                Some(Flag { is_set: true, .. }) => return Self::User,
                _ => return Self::Public,
            },
        };
        if let Some(Flag {
            is_set: false,
            span,
        }) = auth
        {
            errors.at(
                span,
                format!("`{key}` requires a signed-in user; remove `requires_auth = false`"),
            );
        }
        guard
    }

    /// Reads `requires_role` and `requires_permission` for items that are always guarded.
    pub(crate) fn take_for_model(keys: &mut Keys, errors: &mut Errors) -> Option<Self> {
        Self::take_named(keys, errors).map(|(_, _, guard)| guard)
    }

    /// Parses `role:NAME` or `permission:NAME` and reports an invalid name; returns `None` for any
    /// other text.
    pub(crate) fn from_text(text: &LitStr, errors: &mut Errors) -> Option<Self> {
        let written = text.value();
        let (kind, name) = written.split_once(':')?;
        let name = LitStr::new(name, text.span());
        match kind {
            "role" if name.value().eq_ignore_ascii_case("admin") => {
                errors.at(text.span(), "write `requires_admin` for administrators");
                Some(Self::Admin)
            }
            "role" => {
                check_role(&name, errors);
                Some(Self::Role(name))
            }
            "permission" => {
                check_permission(&name, errors);
                Some(Self::Permission(name))
            }
            _ => None,
        }
    }

    /// Takes the rule for a role or a permission; returns it with its key and span.
    fn take_named(
        keys: &mut Keys,
        errors: &mut Errors,
    ) -> Option<(&'static str, proc_macro2::Span, Self)> {
        let role = keys.take_string("requires_role", errors);
        let permission = keys.take_string("requires_permission", errors);
        if let (Some(_), Some(permission)) = (&role, &permission) {
            errors.at(
                permission.span(),
                "`requires_permission` conflicts with `requires_role`; keep one of them (a role can be granted permissions)",
            );
        }
        if let Some(permission) = &permission {
            check_permission(permission, errors);
        }
        if let Some(role) = role {
            check_role(&role, errors);
            return Some(("requires_role", role.span(), Self::Role(role)));
        }
        let permission = permission?;
        Some((
            "requires_permission",
            permission.span(),
            Self::Permission(permission),
        ))
    }

    /// Returns the `Access`, or `None` for a public item, which is the default.
    pub(crate) fn access(&self, krate: &TokenStream) -> Option<TokenStream> {
        Some(match self {
            Self::Public => return None,
            Self::User => quote!(#krate::Access::User),
            Self::Admin => quote!(#krate::Access::Admin),
            Self::Role(name) => {
                quote_spanned!(located_at(name.span())=> #krate::Access::role(#name))
            }
            Self::Permission(name) => {
                quote_spanned!(located_at(name.span())=> #krate::Access::permission(#name))
            }
        })
    }
}

/// Reports an invalid role name.
fn check_role(role: &LitStr, errors: &mut Errors) {
    let name = role.value();
    let is_word = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !is_word {
        errors.at(
            role.span(),
            "invalid role name; use letters, digits and `_`, starting with a letter",
        );
    } else if name.eq_ignore_ascii_case("admin") {
        errors.at(
            role.span(),
            "`requires_role` is not for administrators; use `requires_admin`",
        );
    }
}

/// Reports an invalid permission name.
fn check_permission(permission: &LitStr, errors: &mut Errors) {
    if !is_permission(&permission.value()) {
        errors.at(
            permission.span(),
            "invalid permission name; use words of `a-z`, `0-9`, `_`, `-` and `.` separated by `:`, as in `articles:write`",
        );
    }
}

/// Returns `true` if a permission name is valid.
fn is_permission(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.'))
    };
    name.len() <= 100 && name.split(':').all(is_word)
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::*;

    const KEYS: &[&str] = &[
        "requires_auth",
        "requires_admin",
        "requires_role",
        "requires_permission",
    ];

    /// Returns the generated access rule without spaces, and its errors.
    fn guard(tokens: TokenStream) -> (String, Vec<String>) {
        let mut errors = Errors::default();
        let mut keys = Keys::parse(tokens, KEYS, &mut errors);
        let access = AccessRule::take(&mut keys, &mut errors).access(&quote!(core));
        let access = access.map(|it| it.to_string().replace(' ', ""));
        (access.unwrap_or_default(), errors.messages())
    }

    #[test]
    fn each_key_generates_its_access_rule() {
        for (tokens, access) in [
            (quote!(), ""),
            (quote!(requires_auth = false), ""),
            (
                quote!(requires_auth, requires_admin = false),
                "core::Access::User",
            ),
            (quote!(requires_admin), "core::Access::Admin"),
            (quote!(requires_admin, requires_auth), "core::Access::Admin"),
            (
                quote!(requires_role = "editor", requires_auth),
                "core::Access::role(\"editor\")",
            ),
            (
                quote!(requires_permission = "articles:write"),
                "core::Access::permission(\"articles:write\")",
            ),
        ] {
            assert_eq!(guard(tokens), (access.to_owned(), vec![]));
        }
    }

    #[test]
    fn contradictory_keys_are_reported() {
        for (tokens, message) in [
            (
                quote!(requires_admin, requires_auth = false),
                "`requires_admin` requires a signed-in user; remove `requires_auth = false`",
            ),
            (
                quote!(requires_role = "editor", requires_auth = false),
                "`requires_role` requires a signed-in user; remove `requires_auth = false`",
            ),
            (
                quote!(requires_role = "editor", requires_admin),
                "`requires_role` already includes administrators; keep either `requires_role` or `requires_admin`",
            ),
            (
                quote!(requires_role = "editor", requires_permission = "a:b"),
                "`requires_permission` conflicts with `requires_role`; keep one of them (a role can be granted permissions)",
            ),
            (
                quote!(requires_role = "chief editor"),
                "invalid role name; use letters, digits and `_`, starting with a letter",
            ),
            (
                quote!(requires_role = "Admin"),
                "`requires_role` is not for administrators; use `requires_admin`",
            ),
            (
                quote!(requires_role = editor),
                "`requires_role` takes a string, as in `requires_role = \"..\"`",
            ),
            (
                quote!(requires_permission = "Write"),
                "invalid permission name; use words of `a-z`, `0-9`, `_`, `-` and `.` separated by `:`, as in `articles:write`",
            ),
        ] {
            assert_eq!(guard(tokens).1, [message]);
        }
    }
}
