//! Typed arguments of a task: decoding and validation that report all errors at once.

use garde::Validate;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::FieldError;
use crate::request::{from_value, garde_errors};

/// Arguments of a task. Deriving the four traits below implements this trait.
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
    message = "`{Self}` does not implement `TaskArgs`",
    label = "invalid task arguments",
    note = "add `#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema, garde::Validate)]`; the error names the missing one"
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

/// A separate trait for each derive, so that an error names exactly the missing derives.
mod derived {
    macro_rules! derived {
        ($($name:ident: $bound:path, $message:literal;)+) => {$(
            #[diagnostic::on_unimplemented(
                message = $message,
                label = "invalid task arguments"
            )]
            pub trait $name: $bound {}

            #[diagnostic::do_not_recommend]
            impl<T: $bound> $name for T {}
        )+};
    }

    derived! {
        Serialize: serde::Serialize, "`{Self}` does not implement `TaskArgs`; add `#[derive(serde::Serialize)]`";
        Deserialize: serde::de::DeserializeOwned, "`{Self}` does not implement `TaskArgs`; add `#[derive(serde::Deserialize)]`";
        JsonSchema: schemars::JsonSchema, "`{Self}` does not implement `TaskArgs`; add `#[derive(schemars::JsonSchema)]`";
        Validate: garde::Validate<Context = ()>, "`{Self}` does not implement `TaskArgs`; add `#[derive(garde::Validate)]`";
    }
}

/// Argument type of tasks that take no arguments.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, Validate,
)]
pub struct NoArgs {}

/// Validated arguments, in the JSON form in which they are stored.
#[derive(Debug, Clone)]
pub(in crate::tasks) struct AcceptedArgs {
    pub(in crate::tasks) value: Value,
    /// Length of the JSON text, in bytes.
    pub(in crate::tasks) bytes: usize,
}

impl AcceptedArgs {
    pub(in crate::tasks) fn new(value: Value) -> Self {
        Self {
            bytes: json_length(&value),
            value,
        }
    }

    /// Returns an empty argument object.
    pub(in crate::tasks) fn none() -> Self {
        Self::new(Value::Object(Map::new()))
    }
}

#[cfg(test)]
impl From<Value> for AcceptedArgs {
    fn from(value: Value) -> Self {
        Self::new(value)
    }
}

/// Returns the length of a value as JSON text, without storing the text.
pub(in crate::tasks) fn json_length(value: &Value) -> usize {
    struct Counter(usize);

    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        Err(_) => usize::MAX,
    }
}

/// Decodes and checks arguments, and encodes the decoded value as JSON.
///
/// The stored arguments therefore contain only fields declared by the type.
pub(in crate::tasks) fn accept<A: TaskArgs>(value: &Value) -> Result<Value, Vec<FieldError>> {
    let args: A = decode(value.clone())?;
    let unreadable = |message: String| vec![FieldError::new("", "invalid_value", message)];
    let accepted = serde_json::to_value(args)
        .map_err(|error| unreadable(format!("failed to encode as JSON: {error}")))?;
    if accepted != *value {
        // A type's `Deserialize` does not necessarily accept the output of its `Serialize`.
        from_value::<A>(accepted.clone()).map_err(|error| {
            unreadable(format!(
                "the argument type does not accept its own output: {} {}",
                error.pointer, error.message
            ))
        })?;
    }
    Ok(accepted)
}

/// Decodes and checks arguments.
pub(in crate::tasks) fn decode<A: TaskArgs>(value: Value) -> Result<A, Vec<FieldError>> {
    let args: A = from_value(value).map_err(|error| vec![error])?;
    let errors = garde_errors(&args);
    if errors.is_empty() {
        Ok(args)
    } else {
        Err(errors)
    }
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
    fn each_violated_rule_has_a_pointer() {
        let value = serde_json::json!({"name": "x", "items": [{"count": 1}, {"count": 10}]});
        let Err(errors) = decode::<Args>(value) else {
            panic!("two rules should be violated")
        };
        let mut pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/items/1/count", "/name"]);
    }
}
