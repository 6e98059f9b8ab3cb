//! Model of a task: combines the attribute with the function and assigns roles to the arguments.

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Lifetime, PatType, Type, TypeReference};

use crate::errors::Errors;
use crate::handler::{Handler, first_impl_trait, type_arguments, type_name};

use super::attr::TaskAttribute;

const ORDER: &str = "a task takes `TaskContext` first, then `Data<_>`, then its arguments";

/// A task as written in the source code.
pub(crate) struct TaskModel {
    pub(crate) attribute: TaskAttribute,
    pub(crate) handler: Handler,
    /// Types of the `Data<_>` parameters, in order.
    pub(crate) inputs: Vec<Type>,
    /// Type of the arguments, if the task takes any.
    pub(crate) arguments: Option<Type>,
    pub(crate) output: Output,
}

/// Return type of a task.
pub(crate) enum Output {
    /// `T`: the task cannot fail.
    Value(Type),
    /// `Result<T, _>`; the field is `T`.
    Outcome(Type),
    /// Alias of `Result` that does not name `T`.
    OpaqueOutcome(Type),
}

/// Role of an argument, determined by the name of its type.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Context,
    Input,
    Arguments,
}

impl TaskModel {
    /// Combines the attribute with the function and reports contradictions.
    pub(crate) fn new(attribute: TaskAttribute, handler: Handler, errors: &mut Errors) -> Self {
        handler.check("a task", errors);
        let mut return_type = handler.return_type();
        if let Some(hidden) = first_impl_trait(&return_type) {
            errors.on(hidden, "a task must name its return type");
            // The compiler could not infer this type in the stub and would report an additional
            // error.
            return_type = syn::parse_quote!(());
        }
        let (inputs, arguments) = split(&handler, errors);
        if let (None, Some((_, span))) = (&arguments, &attribute.max_args) {
            errors.at(*span, "`max_args` requires a task with arguments");
        }
        Self {
            attribute,
            handler,
            inputs,
            arguments,
            output: Output::of(return_type),
        }
    }
}

impl Output {
    fn of(return_type: Type) -> Self {
        let Some(segment) = type_name(&return_type).filter(|segment| segment.ident == "Result")
        else {
            return Self::Value(return_type);
        };
        match type_arguments(segment).first() {
            Some(&value) => Self::Outcome(value.clone()),
            None => Self::OpaqueOutcome(return_type),
        }
    }
}

/// Splits the function's parameters into inputs and the task's arguments.
fn split(handler: &Handler, errors: &mut Errors) -> (Vec<Type>, Option<Type>) {
    let (mut inputs, mut arguments) = (Vec::new(), None);
    let mut is_in_order = true;
    let mut expected = Part::Context;
    for argument in handler.typed_arguments() {
        if let Some(message) = misplaced(&argument.ty) {
            errors.on(&argument.ty, message);
            is_in_order = false;
            // The argument is omitted from the stub, where the compiler would report it again.
            continue;
        }
        let part = part(argument);
        // The context comes first and only once, inputs may repeat, and nothing follows the
        // arguments.
        let fits = match expected {
            Part::Context => part == Part::Context,
            Part::Input => part != Part::Context,
            Part::Arguments => false,
        };
        if !fits && is_in_order {
            errors.on(argument, ORDER);
            is_in_order = false;
        }
        expected = if part == Part::Arguments {
            Part::Arguments
        } else {
            Part::Input
        };
        match part {
            Part::Context => {}
            Part::Input => inputs.push((*argument.ty).clone()),
            Part::Arguments => arguments = Some((*argument.ty).clone()),
        }
    }
    if handler.signature.inputs.is_empty() {
        errors.at(handler.signature.paren_token.span.join(), ORDER);
    }
    (inputs, arguments)
}

/// Returns the error message for an argument type that is invalid in any position.
fn misplaced(written: &Type) -> Option<String> {
    if let Type::Reference(reference) = written {
        let owned = match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
            Type::Slice(slice) => format!("Vec<{}>", slice.elem.to_token_stream()),
            other => other.to_token_stream().to_string().replace(' ', ""),
        };
        return Some(format!(
            "a task outlives the request that enqueues it, so it must own its arguments; write `{owned}`"
        ));
    }
    if has_lifetime(written) {
        return Some(
            "a task outlives the request that enqueues it, so it must own its arguments; write a type without lifetimes"
                .to_owned(),
        );
    }
    let name = type_name(written)?.ident.to_string();
    matches!(name.as_str(), "CurrentUser" | "AdminUser").then(|| {
        format!("a task runs without a request, so it has no `{name}`; call `task.owner_user_id()`")
    })
}

fn has_lifetime(written: &Type) -> bool {
    struct Search(bool);
    impl VisitMut for Search {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            self.0 |= lifetime.ident != "static";
        }
        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            self.0 |= reference.lifetime.is_none();
            visit_mut::visit_type_reference_mut(self, reference);
        }
    }
    let mut search = Search(false);
    search.visit_type_mut(&mut written.clone());
    search.0
}

fn part(argument: &PatType) -> Part {
    match type_name(&argument.ty) {
        Some(segment) if segment.ident == "TaskContext" => Part::Context,
        Some(segment) if segment.ident == "Data" => Part::Input,
        _ => Part::Arguments,
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::*;

    fn model(arguments: TokenStream, output: TokenStream) -> (TaskModel, Vec<String>) {
        let mut errors = Errors::default();
        let attribute = TaskAttribute::parse(TokenStream::new(), &mut errors);
        let handler = syn::parse2(quote!(async fn digest(#arguments) -> #output {})).unwrap();
        let task = TaskModel::new(attribute, handler, &mut errors);
        (task, errors.messages())
    }

    #[test]
    fn arguments_must_be_in_order() {
        for good in [
            quote!(task: TaskContext),
            quote!(task: portal_core::TaskContext, task_args: Args),
            quote!(task: TaskContext, mailer: Data<Mailer>, limits: Data<Limits>, task_args: Args),
        ] {
            assert!(model(good.clone(), quote!(())).1.is_empty(), "{good}");
        }
        for bad in [
            quote!(),
            quote!(task_args: Args),
            quote!(mailer: Data<Mailer>, task: TaskContext),
            quote!(task: TaskContext, task_args: Args, mailer: Data<Mailer>),
            quote!(task: TaskContext, first: Args, second: Args),
            quote!(task: TaskContext, again: TaskContext),
        ] {
            assert_eq!(model(bad.clone(), quote!(())).1, [ORDER], "{bad}");
        }
    }

    #[test]
    fn result_is_detected_by_name() {
        assert!(matches!(
            model(quote!(task: TaskContext), quote!(Report)).0.output,
            Output::Value(_)
        ));
        let (task, _) = model(quote!(task: TaskContext), quote!(io::Result<Report>));
        assert!(
            matches!(task.output, Output::Outcome(Type::Path(value)) if value.path.is_ident("Report"))
        );
        assert!(matches!(
            model(quote!(task: TaskContext), quote!(fmt::Result))
                .0
                .output,
            Output::OpaqueOutcome(_)
        ));
    }
}
