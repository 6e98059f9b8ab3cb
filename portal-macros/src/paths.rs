//! Absolute paths into portal-core, independent of the user's imports.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

use crate::errors::Errors;
use crate::keys::Keys;

/// Path to portal-core in the generated code.
pub(crate) struct Paths {
    krate: TokenStream,
}

impl Paths {
    /// Takes `crate = path`. Default: `::portal_core`.
    pub(crate) fn take(keys: &mut Keys, errors: &mut Errors) -> Self {
        let given = keys.take("crate").and_then(|key| key.path(errors));
        Self {
            krate: given.map_or_else(|| quote!(::portal_core), ToTokens::into_token_stream),
        }
    }

    /// Returns the path to the public crate: `#krate::Page`.
    pub(crate) fn krate(&self) -> &TokenStream {
        &self.krate
    }

    /// Returns the path to the items reserved for macros: `#private::PageFuture`.
    pub(crate) fn private(&self) -> TokenStream {
        let krate = &self.krate;
        quote!(#krate::__private)
    }

    /// Returns the same path with every token located at `span`.
    ///
    /// The compiler underlines an expression from its first to its last token, so every token needs
    /// the span.
    pub(crate) fn private_at(&self, span: Span) -> TokenStream {
        respan(self.private(), located_at(span))
    }
}

/// Returns the span of the user's text, with names resolved at the macro's call site.
///
/// Otherwise, if a `macro_rules!` macro generates the handler, its hygiene would apply to the local
/// variables in the generated code.
pub(crate) fn located_at(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

/// Sets the same span on every token, including those in groups.
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
