//! Who may enter a page or start a task; both say it with the same two keys.

use proc_macro2::{Ident, Span};

use crate::errors::Errors;
use crate::keys::{Flag, Keys};

/// Whom `requires_auth` and `requires_admin` let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    Public,
    User,
    Admin,
}

impl Guard {
    /// Reads `requires_auth` and `requires_admin`.
    pub(crate) fn take(keys: &mut Keys, errors: &mut Errors) -> Self {
        let auth = keys.take_flag("requires_auth", errors);
        let admin = keys.is_set("requires_admin", errors);
        match auth {
            Some(Flag {
                is_set: false,
                span,
            }) if admin => {
                let message =
                    "`requires_admin` needs a signed-in user, remove `requires_auth = false`";
                errors.at(span, message);
                Self::Admin
            }
            _ if admin => Self::Admin,
            Some(Flag { is_set: true, .. }) => Self::User,
            _ => Self::Public,
        }
    }

    /// The variant of `Access`; nothing for a public item, which is the default.
    pub(crate) fn variant(self) -> Option<Ident> {
        let name = match self {
            Self::Public => return None,
            Self::User => "User",
            Self::Admin => "Admin",
        };
        Some(Ident::new(name, Span::call_site()))
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::*;

    fn guard(tokens: TokenStream) -> (Guard, Vec<String>) {
        let mut errors = Errors::default();
        let mut keys = Keys::parse(tokens, &["requires_auth", "requires_admin"], &mut errors);
        (Guard::take(&mut keys, &mut errors), errors.messages())
    }

    #[test]
    fn an_administrator_is_signed_in() {
        assert_eq!(guard(quote!(requires_admin)), (Guard::Admin, vec![]));
        assert_eq!(
            guard(quote!(requires_admin, requires_auth)),
            (Guard::Admin, vec![])
        );
        assert_eq!(
            guard(quote!(requires_auth, requires_admin = false)),
            (Guard::User, vec![])
        );
        assert_eq!(
            guard(quote!(requires_auth = false)),
            (Guard::Public, vec![])
        );
        let (_, messages) = guard(quote!(requires_admin, requires_auth = false));
        assert_eq!(
            messages,
            ["`requires_admin` needs a signed-in user, remove `requires_auth = false`"]
        );
    }
}
