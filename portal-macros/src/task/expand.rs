//! Code generated for a task.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::names;
use crate::paths::located_at;

use super::model::{Output, TaskModel};

/// Generates the constructor and its registration.
pub(crate) fn expand(task: &TaskModel) -> TokenStream {
    let (krate, private) = (task.attribute.paths.krate(), task.attribute.paths.private());
    let name = task.handler.name();
    let head = task.handler.constructor_head();
    let cfg_attributes = task.handler.cfg_attributes();
    let nested = task.handler.nested();
    let run = run(task);
    let result = constructor_type(task);
    let settings = settings(task);
    let group = match &task.attribute.group {
        Some(group) => group.to_token_stream(),
        None => quote!(#private::group_of_module(::core::module_path!())),
    };
    let stored_name = task
        .attribute
        .name
        .clone()
        .unwrap_or_else(|| names::plain(name));
    // The compiler checks the bounds on the argument type here, so these tokens need the type's
    // span.
    let span = task
        .arguments
        .as_ref()
        .map_or_else(|| task.handler.return_span(), Spanned::span);
    let run_name = Ident::new("__portal_run", located_at(span));
    quote! {
        #head() -> #result {
            #nested
            #run
            #krate::Task::new(#private::source!(#name), #group, #stored_name, #run_name) #settings
        }
        #(#cfg_attributes)*
        #[allow(deprecated)]
        const _: () = {
            #private::inventory::submit! { #private::TaskEntry::new(|| #name().into_definition()) }
        };
    }
}

/// Generates a constructor that is never called, for a task with errors.
pub(crate) fn stub(task: &TaskModel) -> TokenStream {
    let head = task.handler.constructor_head();
    let result = constructor_type(task);
    let nested = task.handler.stub();
    quote! {
        #head() -> #result {
            #nested
            ::core::unreachable!()
        }
    }
}

/// Generates `Task<Args, Output>`.
fn constructor_type(task: &TaskModel) -> TokenStream {
    let krate = task.attribute.paths.krate();
    let (arguments, output) = (arguments_type(task), output_type(task));
    quote!(#krate::Task<#arguments, #output>)
}

fn arguments_type(task: &TaskModel) -> TokenStream {
    let krate = task.attribute.paths.krate();
    match &task.arguments {
        Some(written) => written.to_token_stream(),
        None => quote!(#krate::NoArgs),
    }
}

fn output_type(task: &TaskModel) -> TokenStream {
    let private = task.attribute.paths.private();
    match &task.output {
        Output::Value(value) | Output::Outcome(value) => value.to_token_stream(),
        Output::OpaqueOutcome(result) => quote!(<#result as #private::TaskReturn>::Output),
    }
}

/// Generates the function that resolves the inputs and calls the handler.
fn run(task: &TaskModel) -> TokenStream {
    let (krate, private) = (task.attribute.paths.krate(), task.attribute.paths.private());
    let name = task.handler.name();
    let (arguments, output) = (arguments_type(task), output_type(task));
    let locals: Vec<Ident> = (0..task.inputs.len())
        .map(|position| format_ident!("input_{position}"))
        .collect();
    let fetch = task.inputs.iter().zip(&locals).map(|(written, local)| {
        let call =
            quote_spanned!(located_at(written.span())=> #private::task_input::<#written>(&state));
        quote!(let #local = #call.await?;)
    });
    let state = format_ident!(
        "{}",
        if task.inputs.is_empty() {
            "_state"
        } else {
            "state"
        }
    );
    let (passed, given) = match &task.arguments {
        Some(_) => (Some(quote!(arguments)), quote!(arguments)),
        None => (None, quote!(_arguments)),
    };
    let outcome = match &task.output {
        Output::Value(_) => quote!(#private::Ok(outcome)),
        Output::Outcome(_) | Output::OpaqueOutcome(_) => {
            let (span, returned) = (task.handler.return_span(), task.handler.return_type());
            let private = task.attribute.paths.private_at(span);
            quote_spanned!(located_at(span)=> <#returned as #private::TaskReturn>::into_outcome(outcome))
        }
    };
    // The error for a future that is not `Send` should point at the name, so all tokens get its
    // span.
    let span = located_at(name.span());
    let send = task.attribute.paths.private_at(name.span());
    let future = quote_spanned! {span=>
        #send::require_send(async move {
            #(#fetch)*
            let outcome = __PortalHandler::#name(context, #(#locals,)* #passed).await;
            #outcome
        })
    };
    quote! {
        fn __portal_run(
            context: #krate::TaskContext,
            #state: #krate::PortalState,
            #given: #arguments,
        ) -> #private::TaskFuture<#output> {
            #private::Box::pin(#future)
        }
    }
}

/// Generates the builder calls for the given keys.
fn settings(task: &TaskModel) -> TokenStream {
    let (krate, private) = (task.attribute.paths.krate(), task.attribute.paths.private());
    let docs = task.handler.docs();
    let attribute = &task.attribute;
    let title = attribute
        .title
        .as_ref()
        .map_or_else(|| task.handler.title(&docs), syn::LitStr::value);

    let mut settings = quote!(.title(#title));
    if let Some(description) = docs.description() {
        settings.extend(quote!(.description(#description)));
    }
    if let Some(milliseconds) = attribute.timeout_milliseconds {
        settings.extend(quote!(.timeout(#private::Duration::from_millis(#milliseconds))));
    }
    if let Some(variant) = &attribute.notify {
        settings.extend(quote!(.notify(#krate::TaskNotify::#variant)));
    }
    if let Some(variant) = &attribute.on_crash {
        settings.extend(quote!(.on_crash(#krate::OnCrash::#variant)));
    }
    if let Some(retries) = attribute.retries {
        settings.extend(quote!(.retries(#retries)));
    }
    if let Some(milliseconds) = attribute.backoff_milliseconds {
        settings.extend(quote!(.backoff(#private::Duration::from_millis(#milliseconds))));
    }
    if let Some(priority) = attribute.priority {
        settings.extend(quote!(.priority(#priority)));
    }
    if let Some(concurrency) = attribute.concurrency {
        settings.extend(quote!(.concurrency(#concurrency)));
    }
    if attribute.unique {
        settings.extend(quote!(.unique()));
    }
    if let Some((bytes, _)) = attribute.max_args {
        settings.extend(quote!(.max_args(#bytes)));
    }
    if let Some(cron) = &attribute.schedule {
        settings.extend(quote!(.schedule(#cron)));
    }
    if let Some(time_zone) = &attribute.time_zone {
        settings.extend(quote!(.time_zone(#time_zone)));
    }
    if let Some(access) = attribute.guard.access(krate) {
        settings.extend(quote!(.access(#access)));
    }
    if attribute.internal {
        settings.extend(quote!(.internal()));
    }
    for input in &task.inputs {
        settings.extend(quote_spanned!(located_at(input.span())=> .depends_on::<#input>()));
    }
    settings
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use crate::task::task;

    /// Removes all spaces, since spacing depends on where the tokens come from.
    fn dense(code: &str) -> String {
        code.replace(' ', "")
    }

    #[test]
    fn task_gets_inputs_and_arguments() {
        let code = task(
            quote!(timeout = "5m", on_crash = fail, notify = always),
            quote! {
                async fn send_digest(task: TaskContext, mailer: Data<Mailer>, task_args: Args) -> Result<Report, MailError> { body }
            },
        )
        .to_string();
        for part in [
            quote!(fn send_digest() -> ::portal_core::Task<Args, Report>),
            quote!(__PortalHandler::send_digest(context, input_0, arguments).await),
            quote!(.title("Send digest").timeout(::portal_core::__private::Duration::from_millis(300000u64))),
            quote!(.notify(::portal_core::TaskNotify::Always)),
            quote!(.on_crash(::portal_core::OnCrash::Fail).depends_on::<Data<Mailer>>()),
        ] {
            assert!(
                dense(&code).contains(&dense(&part.to_string())),
                "{part} is not in {code}"
            );
        }
    }

    #[test]
    fn schedule_and_time_zone_become_builder_calls() {
        let code = task(
            quote!(schedule = "0 3 * * *", time_zone = "Europe/Berlin"),
            quote!(
                async fn digest(task: TaskContext) {}
            ),
        )
        .to_string();
        let calls = quote!(.schedule("0 3 * * *").time_zone("Europe/Berlin")).to_string();
        assert!(dense(&code).contains(&dense(&calls)), "{code}");
    }

    #[test]
    fn execution_keys_become_builder_calls() {
        let code = task(
            quote!(
                retries = 3,
                backoff = "2s",
                priority = -1,
                concurrency = 2,
                unique
            ),
            quote!(
                async fn digest(task: TaskContext) {}
            ),
        )
        .to_string();
        let calls = quote!(.retries(3u32).backoff(::portal_core::__private::Duration::from_millis(2000u64)).priority(-1i32).concurrency(2u32).unique());
        assert!(dense(&code).contains(&dense(&calls.to_string())), "{code}");
        let code = task(
            quote!(retries = -1, concurrency = 0),
            quote!(
                async fn digest(task: TaskContext) {}
            ),
        )
        .to_string();
        for message in [
            "`retries` must be at least 0",
            "`concurrency` must be at least 1",
        ] {
            assert!(code.contains(message), "{code}");
        }
    }

    #[test]
    fn max_args_is_checked_and_becomes_a_builder_call() {
        let expand = |attribute, item| task(attribute, item).to_string();
        let with_args = quote!(
            async fn digest(task: TaskContext, task_args: Args) {}
        );
        let code = expand(quote!(max_args = "256KiB"), with_args.clone());
        assert!(dense(&code).contains(".max_args(262144usize)"), "{code}");
        let code = expand(quote!(max_args = 256), with_args.clone());
        assert!(code.contains("a size in quotes"), "{code}");
        let code = expand(quote!(max_args = "256KB"), with_args);
        assert!(code.contains("is not a size"), "{code}");
        let without_args = quote!(
            async fn digest(task: TaskContext) {}
        );
        let code = expand(quote!(max_args = "1MiB"), without_args);
        assert!(code.contains("requires a task with arguments"), "{code}");
    }

    #[test]
    fn internal_task_has_no_access_rule() {
        let internal = |attribute| {
            let function = quote!(
                async fn digest(task: TaskContext) {}
            );
            task(attribute, function).to_string()
        };
        assert!(dense(&internal(quote!(internal))).contains(".internal()"));
        assert!(!internal(quote!(internal = false, requires_auth)).contains("compile_error"));
        for guard in [
            quote!(requires_auth),
            quote!(requires_admin),
            quote!(requires_role = "EDITOR"),
        ] {
            let code = internal(quote!(internal, #guard));
            assert!(code.contains("can be enqueued only from code"), "{code}");
        }
    }

    #[test]
    fn unknown_keys_are_rejected() {
        let code = task(
            quote!(retry = 3),
            quote!(
                async fn digest(task: TaskContext) {}
            ),
        )
        .to_string();
        assert!(code.contains("unknown key `retry`"), "{code}");
        assert!(code.contains("unreachable"), "{code}");
    }
}
