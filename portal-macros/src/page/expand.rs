//! Code generated for a page.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::paths::located_at;

use super::model::PageModel;

/// Generates the constructor and its registration.
pub(crate) fn expand(page: &PageModel) -> TokenStream {
    let (krate, private) = (page.attribute.paths.krate(), page.attribute.paths.private());
    let name = page.handler.name();
    let head = page.handler.constructor_head();
    let cfg_attributes = page.handler.cfg_attributes();
    let nested = page.handler.nested();
    let respond = respond(page);
    let route = &page.attribute.route;
    let method = Ident::new(page.attribute.method, Span::call_site());
    let settings = settings(page);
    let uses = (!page.handler.argument_types().is_empty()).then(|| {
        quote! {
            #[allow(unused_imports)]
            use #private::{InputArgument as _, OtherArgument as _};
        }
    });
    quote! {
        #head() -> #krate::Page {
            #nested
            #respond
            #uses
            #private::page(#private::source!(#name), #private::Method::#method, #route, __portal_respond) #settings
        }
        #(#cfg_attributes)*
        #[allow(deprecated)]
        const _: () = {
            #private::inventory::submit! { #private::PageEntry::new(#name) }
        };
    }
}

/// Generates a constructor that is never called, for a page with errors.
pub(crate) fn stub(page: &PageModel) -> TokenStream {
    let krate = page.attribute.paths.krate();
    let head = page.handler.constructor_head();
    let nested = page.handler.stub();
    quote! {
        #head() -> #krate::Page {
            #nested
            ::core::unreachable!()
        }
    }
}

/// Generates the function that extracts the arguments, calls the handler and builds a response.
fn respond(page: &PageModel) -> TokenStream {
    let (krate, private) = (page.attribute.paths.krate(), page.attribute.paths.private());
    let name = page.handler.name();
    let types = page.handler.argument_types();
    let locals: Vec<Ident> = (0..types.len())
        .map(|position| format_ident!("argument_{position}"))
        .collect();
    let extract = types.iter().zip(&locals).enumerate().map(|(position, (written, local))| {
        let is_last = position + 1 == types.len();
        let call = if is_last {
            quote_spanned!(located_at(written.span())=> #private::extract_request::<#written, _>(request, &state))
        } else {
            quote_spanned!(located_at(written.span())=> #private::extract_parts::<#written>(&mut parts, &state))
        };
        // Rejoin the body with the parts that the earlier arguments were extracted from.
        let rejoin = (is_last && position > 0).then(|| quote!(let request = #private::Request::from_parts(parts, body);));
        quote! {
            #rejoin
            let #local = match #call.await {
                #private::Ok(value) => value,
                #private::Err(rejection) => return rejection,
            };
        }
    });
    let split = (types.len() > 1).then(|| quote!(let (mut parts, body) = request.into_parts();));
    let (state, request) = if types.is_empty() {
        (quote!(_state), quote!(_request))
    } else {
        (quote!(state), quote!(request))
    };
    let conversion = conversion(page);
    // The error for a future that is not `Send` should point at the name, so all tokens get its
    // span.
    let span = located_at(name.span());
    let send = page.attribute.paths.private_at(name.span());
    let future = quote_spanned! {span=>
        #send::require_send(async move {
            #split
            #(#extract)*
            let output = __PortalHandler::#name(#(#locals),*).await;
            #conversion
        })
    };
    quote! {
        fn __portal_respond(#state: #krate::PortalState, #request: #private::Request) -> #private::PageFuture {
            #private::Box::pin(#future)
        }
    }
}

/// Generates the conversion to a response; the error for an unsupported type points at the type.
fn conversion(page: &PageModel) -> TokenStream {
    let span = page.handler.return_span();
    let private = page.attribute.paths.private_at(span);
    // If the type is spelled out, the error underlines all of it, not only its first token.
    match page.handler.nameable_return_type() {
        Some(returned) => {
            quote_spanned!(located_at(span)=> <#returned as #private::IntoPage>::into_page(output))
        }
        None => quote_spanned!(located_at(span)=> #private::page_response(output)),
    }
}

/// Generates the builder calls for the given keys.
fn settings(page: &PageModel) -> TokenStream {
    let (krate, private) = (page.attribute.paths.krate(), page.attribute.paths.private());
    let docs = page.handler.docs();
    let attribute = &page.attribute;
    let title = attribute
        .title
        .as_ref()
        .map_or_else(|| page.handler.title(&docs), syn::LitStr::value);
    let description = attribute
        .description
        .as_ref()
        .map(syn::LitStr::value)
        .or_else(|| docs.description());

    let mut settings = quote!(.title(#title));
    if let Some(description) = description {
        settings.extend(quote!(.description(#description)));
    }
    if let Some(access) = attribute.guard.access(krate) {
        settings.extend(quote!(.access(#access)));
    }
    if let Some(nav) = &attribute.nav {
        let item = nav.item(&title, &page.attribute.paths);
        settings.extend(quote!(.nav(#item)));
    }
    if let Some(layout) = &attribute.layout {
        settings.extend(quote_spanned!(located_at(layout.span())=> .layout(#layout)));
    }
    if let Some(bytes) = attribute.max_body {
        settings.extend(quote!(.max_body(#bytes)));
    }
    if let Some(class) = attribute.rate_class {
        let class = Ident::new(class, Span::call_site());
        settings.extend(quote!(.rate_class(#krate::auth::RateClass::#class)));
    }
    for argument in page.handler.argument_types() {
        settings
            .extend(quote!(.dependencies((&#private::Argument::<#argument>::new()).dependency())));
    }
    settings
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use crate::page::page;

    /// Removes all spaces, since spacing depends on where the tokens come from.
    fn dense(code: &str) -> String {
        code.replace(' ', "")
    }

    #[test]
    fn max_body_is_validated_and_passed_to_the_page() {
        let expand = |attribute| {
            let item = quote!(
                async fn upload(body: Bytes) -> Markup {}
            );
            page(attribute, item).to_string()
        };
        let code = expand(quote!("/upload", method = post, max_body = "20MiB"));
        assert!(dense(&code).contains(".max_body(20971520usize)"), "{code}");
        let code = expand(quote!("/upload", method = post, max_body = "20MB"));
        assert!(code.contains("is not a size"), "{code}");
        let code = expand(quote!("/upload", method = post));
        assert!(!code.contains("max_body"), "{code}");
    }

    #[test]
    fn rate_class_is_a_variant_name_in_snake_case() {
        let expand = |attribute| {
            let item = quote!(
                async fn save() -> Markup {}
            );
            page(attribute, item).to_string()
        };
        let code = expand(quote!("/save", method = post, rate_class = own_write));
        let call = ".rate_class(::portal_core::auth::RateClass::OwnWrite)";
        assert!(dense(&code).contains(call), "{code}");
        let code = expand(quote!("/save", method = post, rate_class = own_writes));
        assert!(code.contains("did you mean `own_write`?"), "{code}");
    }

    #[test]
    fn docs_and_cfg_belong_to_the_constructor() {
        let code = page(
            quote!("/users", requires_admin, nav(order = -1)),
            quote! {
                #[doc = " All users."]
                #[cfg(unix)]
                #[instrument]
                pub(crate) async fn users(Query(filter): Query<Filter>, form: Form<Edit>) -> Markup { body }
            },
        )
        .to_string();
        let outer = quote!(#[doc = " All users."] #[cfg(unix)] pub(crate) fn users() -> ::portal_core::Page).to_string();
        assert!(code.starts_with(&outer), "{code}");
        for part in [
            quote!(
                #[instrument]
                async fn users(Query(filter): Query<Filter>, form: Form<Edit>) -> Markup {
                    body
                }
            ),
            quote!(.title("All users").access(::portal_core::Access::Admin)),
            quote!(.nav(::portal_core::NavItem::new("All users").order(-1))),
            quote!(#[cfg(unix)] #[allow(deprecated)] const _: () =),
        ] {
            assert!(
                dense(&code).contains(&dense(&part.to_string())),
                "{part} is not in {code}"
            );
        }
    }
}
