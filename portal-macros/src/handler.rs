//! Handler functions: checks and decomposition, shared by both function macros.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::visit_mut::{VisitMut, visit_type_impl_trait_mut};
use syn::{Attribute, FnArg, PatType, ReturnType, Signature, Type, TypeImplTrait, Visibility};

use crate::docs::Docs;
use crate::errors::Errors;
use crate::names;

/// A function that a macro turns into a constructor.
pub(crate) struct Handler {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    pub(crate) signature: Signature,
    /// Body, left unparsed so that editors can complete unfinished code and the macro runs faster.
    body: TokenStream,
}

impl Parse for Handler {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    }
}

impl Handler {
    /// Parses the item; `what` is the name of the macro.
    pub(crate) fn read(item: TokenStream, what: &str, errors: &mut Errors) -> Option<Self> {
        let is_function = item
            .clone()
            .into_iter()
            .any(|token| matches!(token, TokenTree::Ident(word) if word == "fn"));
        if !is_function {
            errors.at(
                Span::call_site(),
                format!("`#[{what}]` requires an `async fn`"),
            );
            return None;
        }
        match syn::parse2(item) {
            Ok(handler) => Some(handler),
            Err(error) => {
                errors.push(error);
                None
            }
        }
    }

    /// Checks the signature; `what` is "a page handler" or "a task".
    pub(crate) fn check(&self, what: &str, errors: &mut Errors) {
        let signature = &self.signature;
        if signature.asyncness.is_none() {
            errors.at(
                signature.fn_token.span,
                format!("{what} must be an `async fn`"),
            );
        }
        if signature.generics.lt_token.is_some() {
            errors.on(
                &signature.generics,
                format!("{what} cannot be generic; use concrete types"),
            );
        } else if let Some(clause) = &signature.generics.where_clause {
            errors.on(
                clause,
                format!("{what} cannot be generic; remove the `where` clause"),
            );
        }
        if let Some(constness) = &signature.constness {
            errors.on(constness, format!("{what} cannot be `const`"));
        }
        let safety = signature.safety.to_token_stream();
        if !safety.is_empty() {
            errors.on(safety, format!("{what} cannot be `unsafe`"));
        }
        if let Some(abi) = &signature.abi {
            errors.on(abi, format!("{what} cannot be `extern`"));
        }
        if let Some(variadic) = &signature.variadic {
            errors.on(variadic, format!("{what} cannot be variadic"));
        }
        for argument in &signature.inputs {
            check_argument(argument, what, errors);
        }
    }

    /// Returns the name of the function.
    pub(crate) fn name(&self) -> &Ident {
        &self.signature.ident
    }

    /// Returns the arguments without `self`, which is reported separately.
    pub(crate) fn typed_arguments(&self) -> impl Iterator<Item = &PatType> {
        self.signature
            .inputs
            .iter()
            .filter_map(|argument| match argument {
                FnArg::Typed(argument) => Some(argument),
                FnArg::Receiver(_) => None,
            })
    }

    /// Returns the types of the arguments.
    pub(crate) fn argument_types(&self) -> Vec<&Type> {
        self.typed_arguments()
            .map(|argument| &*argument.ty)
            .collect()
    }

    /// Returns the return type, or `()` if the signature has none.
    pub(crate) fn return_type(&self) -> Type {
        match &self.signature.output {
            ReturnType::Type(_, written) => (**written).clone(),
            ReturnType::Default => syn::parse_quote!(()),
        }
    }

    /// Returns the span for errors in the return type: that of the type or, without one, the name.
    pub(crate) fn return_span(&self) -> Span {
        match &self.signature.output {
            ReturnType::Type(_, written) => written.span(),
            ReturnType::Default => self.name().span(),
        }
    }

    /// Returns the return type if the signature has one and it does not contain `impl Trait`.
    pub(crate) fn nameable_return_type(&self) -> Option<&Type> {
        match &self.signature.output {
            ReturnType::Type(_, written) if first_impl_trait(written).is_none() => Some(&**written),
            _ => None,
        }
    }

    /// Returns the text of the doc comments.
    pub(crate) fn docs(&self) -> Docs {
        Docs::read(&self.attributes)
    }

    /// Returns the title: from the docs if they have one, otherwise derived from the name.
    pub(crate) fn title(&self, docs: &Docs) -> String {
        docs.title()
            .unwrap_or_else(|| names::title(&names::plain(self.name())))
    }

    /// Returns the `cfg` attributes, which determine whether the item exists at all.
    pub(crate) fn cfg_attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("cfg"))
    }

    /// Returns the start of the constructor: attributes, visibility and name, without `() -> ..`.
    pub(crate) fn constructor_head(&self) -> TokenStream {
        let attributes = self
            .attributes
            .iter()
            .filter(|attribute| belongs_outside(attribute));
        let (visibility, name) = (&self.visibility, self.name());
        quote!(#(#attributes)* #visibility fn #name)
    }

    /// Returns the user's function, unchanged, as an associated function of a separate type.
    ///
    /// A nested function with the same name would shadow the constructor in its own body, which may
    /// need to call `users().url().redirect()`; an associated function does not.
    pub(crate) fn nested(&self) -> TokenStream {
        let attributes = self
            .attributes
            .iter()
            .filter(|attribute| !belongs_outside(attribute));
        let (signature, body) = (&self.signature, &self.body);
        quote! {
            struct __PortalHandler;
            // The macro requires `async` even if the body contains no `await`.
            #[allow(clippy::unused_async)]
            impl __PortalHandler {
                #(#attributes)*
                #signature
                #body
            }
        }
    }

    /// Returns the function of an item with errors; its names still resolve and count as used.
    pub(crate) fn stub(&self) -> TokenStream {
        let attributes = self
            .attributes
            .iter()
            .filter(|attribute| !belongs_outside(attribute));
        let mut signature = self.signature.clone();
        // The body may contain `await`; an additional error for each would bury the actual error.
        signature.asyncness.get_or_insert_with(Default::default);
        signature.constness = None;
        signature.abi = None;
        let body = &self.body;
        quote! {
            struct __PortalHandler;
            #[allow(dead_code)]
            impl __PortalHandler {
                #(#attributes)*
                #signature
                #body
            }
        }
    }
}

/// Returns `true` if an attribute belongs on the constructor instead of the user's function.
///
/// Lint levels also apply to nested items, so they belong on the constructor, as do docs, `cfg` and
/// `deprecated`. All others, such as `tracing::instrument`, stay on the user's function.
fn belongs_outside(attribute: &Attribute) -> bool {
    const OUTSIDE: &[&str] = &[
        "allow",
        "cfg",
        "deny",
        "deprecated",
        "doc",
        "expect",
        "forbid",
        "warn",
    ];
    attribute
        .path()
        .get_ident()
        .is_some_and(|name| OUTSIDE.iter().any(|outside| name == outside))
}

fn check_argument(argument: &FnArg, what: &str, errors: &mut Errors) {
    let (attributes, written) = match argument {
        FnArg::Receiver(receiver) => {
            errors.on(
                receiver,
                format!("{what} must be a free function; remove `self`"),
            );
            return;
        }
        FnArg::Typed(argument) => (&argument.attrs, &argument.ty),
    };
    if let Some(cfg) = attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("cfg"))
    {
        errors.on(
            cfg,
            format!("an argument of {what} cannot depend on `cfg`; move the `cfg` to the function"),
        );
    }
    if let Some(hidden) = first_impl_trait(written) {
        errors.on(
            hidden,
            format!("{what} cannot be generic; replace `impl Trait` with a concrete type"),
        );
    }
}

/// Returns the first `impl Trait` in a type.
pub(crate) fn first_impl_trait(written: &Type) -> Option<TypeImplTrait> {
    struct Search(Option<TypeImplTrait>);
    impl VisitMut for Search {
        fn visit_type_impl_trait_mut(&mut self, found: &mut TypeImplTrait) {
            self.0.get_or_insert_with(|| found.clone());
            visit_type_impl_trait_mut(self, found);
        }
    }
    let mut search = Search(None);
    search.visit_type_mut(&mut written.clone());
    search.0
}

/// Returns the last segment of a type that is a plain path: `Form` for `axum::Form<Edit>`.
pub(crate) fn type_name(written: &Type) -> Option<&syn::PathSegment> {
    match written {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        Type::Group(group) => type_name(&group.elem),
        Type::Paren(paren) => type_name(&paren.elem),
        _ => None,
    }
}

/// Returns the types between the angle brackets of a path segment.
pub(crate) fn type_arguments(segment: &syn::PathSegment) -> Vec<&Type> {
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        syn::GenericArgument::Type(written) => Some(written),
        _ => None,
    });
    types.collect()
}
