//! Where an item was declared.

use std::fmt;

/// The place in an application's code where a page, task or model was declared.
///
/// Start-up errors name it, and two registrations with the same source are one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Source {
    /// Path of the module, as `module_path!()` gives it.
    pub module: &'static str,
    /// Name of the function or struct.
    pub name: &'static str,
    /// File, relative to the root of its workspace.
    pub file: &'static str,
    /// Line of the declaration, counted from 1.
    pub line: u32,
}

impl Source {
    /// A source from its parts. The macro [`source!`](crate::source!) fills them in.
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

    /// The crate in which the item was declared.
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

/// `module::name`, the name by which builder methods know an item.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.module, self.name)
    }
}

/// The [`Source`] of the line it stands on, for an item of the given name.
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
