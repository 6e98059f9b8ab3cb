//! Model of a page: combines the attribute with the function and checks both.

use quote::ToTokens;
use syn::Type;

use crate::errors::Errors;
use crate::handler::{Handler, type_arguments, type_name};

use super::attr::PageAttribute;
use super::route;

/// Types that read exactly one path parameter each.
const SCALARS: &[&str] = &[
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32",
    "u64", "u128", "usize", "String", "Uuid",
];

/// Usual names of the extractors that read the body.
///
/// An extractor with a different name is still rejected by the trait bound on its type.
const BODY_EXTRACTORS: &[&str] = &[
    "Form",
    "Json",
    "Bytes",
    "String",
    "Request",
    "Multipart",
    "RawForm",
];

/// A page as written in the source code.
pub(crate) struct PageModel {
    pub(crate) attribute: PageAttribute,
    pub(crate) handler: Handler,
}

impl PageModel {
    /// Reports errors in the function itself and in its combination with the attribute.
    pub(crate) fn check(&self, errors: &mut Errors) {
        self.handler.check("a page handler", errors);
        self.check_body_is_last(errors);
        self.check_path_arity(errors);
        self.check_nav(errors);
    }

    /// Checks that the route has as many parameters as `Path<(A, B)>` or `Path<u32>` expects.
    ///
    /// Structs and maps read parameters by name; a struct's fields are not visible to the macro.
    fn check_path_arity(&self, errors: &mut Errors) {
        let Some(route) = &self.attribute.route else {
            return;
        };
        let count = route::parameter_count(&route.value());
        for argument in self.handler.argument_types() {
            let segment = type_name(argument).filter(|segment| segment.ident == "Path");
            let arguments = segment.map(type_arguments).unwrap_or_default();
            let [read] = arguments.as_slice() else {
                continue;
            };
            let Some(expected) = parameters_read(read) else {
                continue;
            };
            if expected != count {
                let (route, written) = (route.value(), read.to_token_stream().to_string());
                let written = written.replace(" ,", ",");
                errors.on(
                    argument,
                    format!(
                        "`Path<{written}>` reads {}, but the route `{route}` has {count}",
                        parameters(expected)
                    ),
                );
            }
        }
    }

    fn check_body_is_last(&self, errors: &mut Errors) {
        let arguments = self.handler.argument_types();
        let Some((_, all_but_last)) = arguments.split_last() else {
            return;
        };
        for argument in all_but_last {
            if let Some(name) = body_extractor(argument) {
                errors.on(
                    argument,
                    format!("`{name}` reads the request body and must be the last argument"),
                );
            }
        }
    }

    /// Checks that a page in the navigation uses `get` and has no parameters in its route.
    fn check_nav(&self, errors: &mut Errors) {
        let Some(nav) = &self.attribute.nav else {
            return;
        };
        if self.attribute.method != "GET" {
            let method = self.attribute.method.to_lowercase();
            errors.at(
                nav.span,
                format!("a page with `method = {method}` cannot be in the navigation"),
            );
        }
        if self
            .attribute
            .route
            .as_ref()
            .is_some_and(|route| route::has_parameter(&route.value()))
        {
            errors.at(
                nav.span,
                "a page with a parameter in its route cannot be in the navigation",
            );
        }
    }
}

/// Returns the body extractor in a type, including in `Option<Json<_>>` and `Result<Json<_>, _>`.
fn body_extractor(argument: &Type) -> Option<String> {
    let segment = type_name(argument)?;
    let name = segment.ident.to_string();
    if matches!(name.as_str(), "Option" | "Result") {
        return body_extractor(type_arguments(segment).first()?);
    }
    BODY_EXTRACTORS.contains(&name.as_str()).then_some(name)
}

/// Returns the number of parameters that `Path<T>` reads, if the type determines it.
fn parameters_read(read: &Type) -> Option<usize> {
    match read {
        Type::Tuple(tuple) if !tuple.elems.is_empty() => Some(tuple.elems.len()),
        other => {
            let segment = type_name(other)?;
            let is_scalar = SCALARS.iter().any(|scalar| segment.ident == scalar);
            is_scalar.then_some(1)
        }
    }
}

fn parameters(count: usize) -> String {
    match count {
        1 => "1 parameter".to_owned(),
        count => format!("{count} parameters"),
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn body_extractors_are_detected_by_name() {
        for (argument, expected) in [
            (parse_quote!(axum::Form<Edit>), Some("Form")),
            (parse_quote!(String), Some("String")),
            (
                parse_quote!(Result<Json<Edit>, JsonRejection>),
                Some("Json"),
            ),
            (parse_quote!(Path<String>), None),
            (parse_quote!(&str), None),
        ] {
            assert_eq!(body_extractor(&argument).as_deref(), expected);
        }
    }
}
