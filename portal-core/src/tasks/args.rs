//! The typed arguments of a task: decoded and checked, with every fault.

use garde::Validate;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Fault;
use crate::request::{escape_pointer, from_value};

/// What may be the arguments of a task. Never implemented by hand: derive the four traits.
///
/// ```
/// use garde::Validate;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, JsonSchema, Validate)]
/// struct DigestArgs {
///     #[garde(email)]
///     to: String,
///     #[garde(range(min = 1, max = 50))]
///     count: u8,
/// }
/// # fn is_args<A: portal_core::tasks::TaskArgs>() {}
/// # is_args::<DigestArgs>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as task arguments",
    label = "not the arguments of a task"
)]
pub trait TaskArgs:
    Serialize + DeserializeOwned + JsonSchema + Validate<Context = ()> + Send + 'static
{
}

impl<T> TaskArgs for T where
    T: derived::Serialize
        + derived::Deserialize
        + derived::JsonSchema
        + derived::Validate
        + Send
        + 'static
{
}

/// One trait per derive, so that an error names exactly the derives that are missing.
mod derived {
    macro_rules! derived {
        ($($name:ident: $bound:path, $message:literal;)+) => {$(
            #[diagnostic::on_unimplemented(
                message = $message,
                label = "not the arguments of a task"
            )]
            pub trait $name: $bound {}

            #[diagnostic::do_not_recommend]
            impl<T: $bound> $name for T {}
        )+};
    }

    derived! {
        Serialize: serde::Serialize, "`{Self}` cannot be used as task arguments, add `#[derive(serde::Serialize)]`";
        Deserialize: serde::de::DeserializeOwned, "`{Self}` cannot be used as task arguments, add `#[derive(serde::Deserialize)]`";
        JsonSchema: schemars::JsonSchema, "`{Self}` cannot be used as task arguments, add `#[derive(schemars::JsonSchema)]`";
        Validate: garde::Validate<Context = ()>, "`{Self}` cannot be used as task arguments, add `#[derive(garde::Validate)]`";
    }
}

/// The arguments of a task that takes none.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, Validate,
)]
pub struct NoArgs {}

/// Decodes and checks arguments.
pub(super) fn decode<A: TaskArgs>(value: Value) -> Result<A, Vec<Fault>> {
    let args: A = from_value(value).map_err(|fault| vec![fault])?;
    let faults = garde_faults(&args);
    if faults.is_empty() {
        Ok(args)
    } else {
        Err(faults)
    }
}

/// The rules of garde that a value breaks, each with its JSON pointer.
pub(crate) fn garde_faults<T: Validate<Context = ()>>(value: &T) -> Vec<Fault> {
    let Err(report) = value.validate() else {
        return Vec::new();
    };
    report
        .iter()
        .map(|(path, error)| {
            Fault::new(pointer(&path.to_string()), "invalid_value", error.message())
        })
        .collect()
}

/// `items[2].name` as a JSON pointer.
fn pointer(path: &str) -> String {
    path.split(['.', '[', ']'])
        .filter(|segment| !segment.is_empty())
        .map(|segment| format!("/{}", escape_pointer(segment)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema, Validate)]
    struct Args {
        #[garde(length(min = 2))]
        name: String,
        #[garde(dive)]
        items: Vec<Item>,
    }

    #[derive(Serialize, Deserialize, JsonSchema, Validate)]
    struct Item {
        #[garde(range(max = 9))]
        count: u8,
    }

    #[test]
    fn every_broken_rule_has_its_pointer() {
        let value = serde_json::json!({"name": "x", "items": [{"count": 1}, {"count": 10}]});
        let Err(faults) = decode::<Args>(value) else {
            panic!("two rules are broken")
        };
        let mut pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/items/1/count", "/name"]);
    }
}
