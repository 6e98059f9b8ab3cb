//! Source location of a declared item.

use std::fmt;
use std::panic::Location;

/// Location in the application's code where a page, task or model is declared.
///
/// Start-up errors include it. Two registrations with the same source count as one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Source {
    /// Path of the module, as returned by `module_path!()`.
    pub module: &'static str,
    /// Name of the function or struct.
    pub name: &'static str,
    /// Source file, relative to the root of its workspace.
    pub file: &'static str,
    /// Line of the declaration, starting at 1.
    pub line: u32,
}

impl Source {
    /// Creates a source from its parts. The macro [`source!`](crate::source!) fills them in.
    #[must_use]
    pub const fn new(
        module: &'static str,
        name: &'static str,
        file: &'static str,
        line: u32,
    ) -> Self {
        Self {
            module,
            name,
            file,
            line,
        }
    }

    /// Creates the source of an item that is declared with a function or closure of this type.
    pub(crate) fn of_function(type_name: &'static str, at: &Location<'static>) -> Self {
        // `crm::pages::ping::{{closure}}` and `crm::pages::ping<T>` are in `crm::pages::ping`.
        let path = type_name.split(['{', '<']).next().unwrap_or_default();
        let (module, name) = match path.trim_end_matches("::").rsplit_once("::") {
            Some(named) => named,
            // Other types, such as function pointers, have no path.
            None => (at.file(), "page"),
        };
        Self::new(module, name, at.file(), at.line())
    }

    /// Returns the crate in which the item is declared.
    ///
    /// ```
    /// let source = portal_core::source!(home);
    /// assert!(!source.crate_name().contains("::"));
    /// ```
    #[must_use]
    pub fn crate_name(&self) -> &'static str {
        self.module.split("::").next().unwrap_or(self.module)
    }
}

/// Formats the source as `module::name`, the form in which builder methods refer to an item.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.module, self.name)
    }
}

/// Returns the [`Source`] of the current line, for an item of the given name.
///
/// ```
/// let source = portal_core::source!(home);
/// assert_eq!(source.name, "home");
/// ```
#[macro_export]
macro_rules! source {
    ($name:ident) => {
        $crate::Source::new(module_path!(), stringify!($name), file!(), line!())
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_of_a_function_is_its_path() {
        let at = Location::caller();
        for (type_name, named) in [
            ("crm::pages::ping", "crm::pages::ping"),
            ("crm::pages::ping<u8>", "crm::pages::ping"),
            ("crm::ping::{{closure}}", "crm::ping"),
            ("crm::ping::{{closure}}::{{closure}}", "crm::ping"),
        ] {
            assert_eq!(Source::of_function(type_name, at).to_string(), named);
        }
        let pointer = Source::of_function("fn(u8) -> u8", at);
        assert_eq!((pointer.name, pointer.module), ("page", at.file()));
    }
}
