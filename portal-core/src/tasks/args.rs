//! The typed arguments of a task: decoded and checked, with every fault.

use garde::Validate;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Fault;
use crate::request::{from_value, garde_faults};

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
    label = "not the arguments of a task",
    note = "add `#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema, garde::Validate)]`; the error names the one that is missing"
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

/// Arguments as they are stored: the value of their type that has been checked, as JSON.
#[derive(Debug, Clone)]
pub(super) struct AcceptedArgs {
    pub(super) value: Value,
    /// Length of the JSON text.
    pub(super) bytes: usize,
}

impl AcceptedArgs {
    pub(super) fn new(value: Value) -> Self {
        Self {
            bytes: json_length(&value),
            value,
        }
    }

    /// The arguments of a task that takes none.
    pub(super) fn none() -> Self {
        Self::new(Value::Object(Map::new()))
    }
}

#[cfg(test)]
impl From<Value> for AcceptedArgs {
    fn from(value: Value) -> Self {
        Self::new(value)
    }
}

/// The length of a value as JSON text, without writing it anywhere.
pub(super) fn json_length(value: &Value) -> usize {
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

/// Decodes arguments, checks them, and writes the decoded value back to JSON. So what is stored has
/// the members that the type declares, and no others.
pub(super) fn accept<A: TaskArgs>(value: &Value) -> Result<Value, Vec<Fault>> {
    let args: A = decode(value.clone())?;
    let unreadable = |message: String| vec![Fault::new("", "invalid_value", message)];
    let accepted = serde_json::to_value(args)
        .map_err(|error| unreadable(format!("cannot be written as JSON: {error}")))?;
    if accepted != *value {
        // Serde lets a type write what it does not read.
        from_value::<A>(accepted.clone()).map_err(|fault| {
            unreadable(format!(
                "the type of the arguments does not read what it writes: {} {}",
                fault.pointer, fault.message
            ))
        })?;
    }
    Ok(accepted)
}

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
