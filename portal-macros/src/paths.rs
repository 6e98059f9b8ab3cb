//! Absolute paths into portal-core, so that nothing depends on what a user imports.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

use crate::errors::Errors;
use crate::keys::Keys;

/// Where portal-core is, as seen from the generated code.
pub(crate) struct Paths {
    krate: TokenStream,
}

impl Paths {
    /// Reads `crate = path`; without it, the crate is `::portal_core`.
    pub(crate) fn take(keys: &mut Keys, errors: &mut Errors) -> Self {
        let given = keys.take("crate").and_then(|key| key.path(errors));
        Self {
            krate: given.map_or_else(|| quote!(::portal_core), ToTokens::into_token_stream),
        }
    }

    /// The public crate: `#krate::Page`.
    pub(crate) fn krate(&self) -> &TokenStream {
        &self.krate
    }

    /// What only macros name: `#private::PageFuture`.
    pub(crate) fn private(&self) -> TokenStream {
        let krate = &self.krate;
        quote!(#krate::__private)
    }

    /// The same, for code that has to look as if it stood at `span`.
    ///
    /// An expression is underlined from its first token to its last, so all of them must be there.
    pub(crate) fn private_at(&self, span: Span) -> TokenStream {
        respan(self.private(), located_at(span))
    }
}

/// The span of the user's text, with names resolved as if the macro's caller had written them.
///
/// Without this, a handler written by a `macro_rules!` would give its own hygiene to our locals.
pub(crate) fn located_at(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

/// Gives every token the same span, also those in groups.
pub(crate) fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let respan_one = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let mut moved = Group::new(group.delimiter(), respan(group.stream(), span));
            moved.set_span(span);
            TokenTree::Group(moved)
        }
        mut other => {
            other.set_span(span);
            other
        }
    };
    tokens.into_iter().map(respan_one).collect()
}
