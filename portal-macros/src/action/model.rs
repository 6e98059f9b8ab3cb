//! Model of an action: combines the attribute with the function and assigns roles to the arguments.

use syn::{PatType, Type};

use crate::errors::Errors;
use crate::handler::{Handler, first_impl_trait, type_name};

use super::attr::ActionAttribute;

const ORDER: &str = "an action takes `Rows<_>` first, then any number of `Data<_>` and at most one struct of arguments";

/// An action as written in the source code.
pub(crate) struct ActionModel {
    pub(crate) attribute: ActionAttribute,
    pub(crate) handler: Handler,
    /// Parameters after `Rows<_>`, in order.
    pub(crate) parameters: Vec<Parameter>,
}

/// A parameter after `Rows<_>`.
pub(crate) enum Parameter {
    /// `Data<_>`.
    Input(Type),
    /// The arguments of the action.
    Arguments(Type),
}

impl ActionModel {
    /// Combines the attribute with the function and reports contradictions.
    pub(crate) fn new(attribute: ActionAttribute, handler: Handler, errors: &mut Errors) -> Self {
        handler.check("an action", errors);
        if let Some(hidden) = first_impl_trait(&handler.return_type()) {
            errors.on(hidden, "an action must return `Result<ActionReport>`");
        }
        let parameters = parameters(&handler, errors);
        Self {
            attribute,
            handler,
            parameters,
        }
    }

    /// Returns the type of the arguments, if the action takes any.
    pub(crate) fn arguments(&self) -> Option<&Type> {
        self.parameters
            .iter()
            .find_map(|parameter| match parameter {
                Parameter::Arguments(written) => Some(written),
                Parameter::Input(_) => None,
            })
    }
}

fn parameters(handler: &Handler, errors: &mut Errors) -> Vec<Parameter> {
    let mut arguments = handler.typed_arguments();
    match arguments.next() {
        Some(first) if name_of(first).as_deref() == Some("Rows") => {}
        Some(first) => errors.on(first, ORDER),
        None => errors.at(handler.signature.paren_token.span.join(), ORDER),
    }
    let mut parameters = Vec::new();
    for argument in arguments {
        let written = (*argument.ty).clone();
        match name_of(argument).as_deref() {
            Some(name @ ("CurrentUser" | "AdminUser")) => errors.on(
                &argument.ty,
                format!(
                    "an action can run without a request, so it has no `{name}`; call `rows.user()`"
                ),
            ),
            Some("Rows") => errors.on(argument, ORDER),
            Some("Data") => parameters.push(Parameter::Input(written)),
            _ if matches!(*argument.ty, Type::Reference(_)) => {
                errors.on(
                    &argument.ty,
                    "an action must own its arguments; write a type without `&`",
                );
            }
            _ if parameters
                .iter()
                .any(|it| matches!(it, Parameter::Arguments(_))) =>
            {
                errors.on(argument, ORDER);
            }
            _ => parameters.push(Parameter::Arguments(written)),
        }
    }
    parameters
}

fn name_of(argument: &PatType) -> Option<String> {
    Some(type_name(&argument.ty)?.ident.to_string())
}
