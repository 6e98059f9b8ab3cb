//! Code generated for an action.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::names;
use crate::paths::{located_at, respan};

use super::model::{ActionModel, Parameter};

/// Generates the constructor and its registration.
pub(crate) fn expand(action: &ActionModel) -> TokenStream {
    let (krate, private) = (
        action.attribute.paths.krate(),
        action.attribute.paths.private(),
    );
    let name = action.handler.name();
    let head = action.handler.constructor_head();
    let cfg_attributes = action.handler.cfg_attributes();
    let nested = action.handler.nested();
    let run = run(action);
    let settings = settings(action);
    let (model, arguments) = (&action.attribute.model, arguments_type(action));
    let stored_name = action
        .attribute
        .name
        .clone()
        .unwrap_or_else(|| names::plain(name));
    // The compiler checks the bounds on the argument type here, so these tokens need the type's
    // span.
    let span = located_at(
        action
            .arguments()
            .map_or_else(|| name.span(), Spanned::span),
    );
    let run_name = Ident::new("__portal_run", span);
    let checked = respan(quote!(#krate::admin::AdminAction::checked), span);
    quote! {
        #head() -> #krate::admin::AdminAction {
            #nested
            #run
            #[allow(unused_imports)]
            use #private::{RuleArgument as _, UncheckedArgument as _};
            #checked::<#model, #arguments>(
                #private::source!(#name),
                #stored_name,
                #run_name,
                (&#private::ActionArgument::<#arguments>::new()).rules(),
            ) #settings
        }
        #(#cfg_attributes)*
        #[allow(deprecated)]
        const _: () = {
            #private::inventory::submit! { #private::ActionEntry::new(|| #name()) }
        };
    }
}

/// Generates a constructor that is never called, for an action with errors.
pub(crate) fn stub(action: &ActionModel) -> TokenStream {
    let krate = action.attribute.paths.krate();
    let head = action.handler.constructor_head();
    let nested = action.handler.stub();
    quote! {
        #head() -> #krate::admin::AdminAction {
            #nested
            ::core::unreachable!()
        }
    }
}

fn arguments_type(action: &ActionModel) -> TokenStream {
    let krate = action.attribute.paths.krate();
    match action.arguments() {
        Some(written) => written.to_token_stream(),
        None => quote!(#krate::NoArgs),
    }
}

/// Generates the function that resolves the inputs and calls the handler.
fn run(action: &ActionModel) -> TokenStream {
    let (krate, private) = (
        action.attribute.paths.krate(),
        action.attribute.paths.private(),
    );
    let name = action.handler.name();
    let (model, arguments) = (&action.attribute.model, arguments_type(action));
    let mut fetch = TokenStream::new();
    let mut passed = TokenStream::new();
    for (position, parameter) in action.parameters.iter().enumerate() {
        match parameter {
            Parameter::Input(written) => {
                let local = format_ident!("input_{position}");
                let call = quote_spanned!(located_at(written.span())=> #private::action_input::<#written>(&state));
                fetch.extend(quote!(let #local = #call?;));
                passed.extend(quote!(#local,));
            }
            Parameter::Arguments(_) => passed.extend(quote!(arguments,)),
        }
    }
    let state = format_ident!("{}", if fetch.is_empty() { "_state" } else { "state" });
    let given = format_ident!(
        "{}",
        match action.arguments() {
            Some(_) => "arguments",
            None => "_arguments",
        }
    );
    let (span, returned) = (action.handler.return_span(), action.handler.return_type());
    let at_return = action.attribute.paths.private_at(span);
    let outcome = quote_spanned!(located_at(span)=> <#returned as #at_return::ActionReturn>::into_report(outcome));
    // The error for a future that is not `Send` should point at the name, so all tokens get its
    // span.
    let send = action.attribute.paths.private_at(name.span());
    let future = quote_spanned! {located_at(name.span())=>
        #send::require_send(async move {
            #fetch
            let outcome = __PortalHandler::#name(rows, #passed).await;
            #outcome
        })
    };
    quote! {
        fn __portal_run(
            rows: #krate::admin::Rows<#model>,
            #state: #krate::PortalState,
            #given: #arguments,
        ) -> #krate::admin::ActionFuture {
            #private::Box::pin(#future)
        }
    }
}

/// Generates the builder calls for the given keys.
fn settings(action: &ActionModel) -> TokenStream {
    let krate = action.attribute.paths.krate();
    let docs = action.handler.docs();
    let attribute = &action.attribute;
    let title = attribute
        .title
        .as_ref()
        .map_or_else(|| action.handler.title(&docs), syn::LitStr::value);
    let mut settings = quote!(.title(#title));
    if let Some(description) = docs.description() {
        settings.extend(quote!(.description(#description)));
    }
    if let Some([one, many, all]) = attribute.on {
        settings.extend(quote!(.on(#one, #many, #all)));
    }
    if let Some(question) = &attribute.confirm {
        settings.extend(quote!(.confirm(#question)));
    }
    if attribute.danger {
        settings.extend(quote!(.danger()));
    }
    if attribute.background {
        settings.extend(quote!(.background()));
    }
    if let Some(access) = attribute.guard.access(krate) {
        settings.extend(quote!(.access(#access)));
    }
    for parameter in &action.parameters {
        if let Parameter::Input(input) = parameter {
            settings.extend(quote_spanned!(located_at(input.span())=> .depends_on::<#input>()));
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use crate::action::action;

    /// Removes all spaces, since spacing depends on where the tokens come from.
    fn dense(code: &str) -> String {
        code.replace(' ', "")
    }

    #[test]
    fn action_gets_rows_inputs_and_arguments() {
        let code = action(
            quote!(Deal, on(many, all), confirm = "Close {count}?", danger, requires_role = "sales"),
            quote! {
                /// Close deals.
                async fn close(rows: Rows<Deal>, args: Args, mailer: Data<Mailer>) -> Result<ActionReport> { body }
            },
        )
        .to_string();
        for part in [
            quote!(fn close() -> ::portal_core::admin::AdminAction),
            quote!(AdminAction::checked::<Deal, Args>),
            quote!(__PortalHandler::close(rows, arguments, input_1,).await),
            quote!(.title("Close deals").on(false, true, true).confirm("Close {count}?").danger()),
            quote!(.access(::portal_core::Access::role("sales")).depends_on::<Data<Mailer>>()),
        ] {
            let part = dense(&part.to_string());
            assert!(dense(&code).contains(&part), "{part} is not in {code}");
        }
    }

    #[test]
    fn mistakes_are_reported() {
        let function = quote! {
            async fn close(rows: Rows<Deal>) -> Result<ActionReport> { body }
        };
        for (attribute, message) in [
            (quote!(), "requires the model first"),
            (quote!(danger), "requires the model first"),
            (quote!(Deal, on()), "requires at least one of"),
            (quote!(Deal, on(some)), "value of `on`: `some`"),
            (quote!(Deal, confirm = "{rows}?"), "only the placeholder"),
            (quote!(Deal, name = "Close"), "`name` is part of URLs"),
            (quote!(Deal, dangerous), "unknown key `dangerous`"),
        ] {
            let code = action(attribute, function.clone()).to_string();
            assert!(code.contains(message), "{message}: {code}");
        }
    }
}
