//! Permissions of a model: who may perform which operation on which rows and fields.

use std::collections::BTreeMap;

use super::field::FieldSpec;
use super::model::AdminModel;
use super::scope::{RowScope, ScopeFn, ScopeHandler};
use crate::auth::{Access, Denied, User};
use crate::error::{Error, Result};
use crate::state::{Dependency, PortalState};

/// An operation on the rows of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// Read rows. All other operations require this one as well.
    View,
    /// Add rows.
    Create,
    /// Change rows.
    Change,
    /// Delete rows.
    Delete,
    /// Export rows to a file.
    Export,
    /// Import rows from a file.
    Import,
    /// Restore an earlier revision of a row.
    Restore,
    /// Run the action with this name. Its default rule is that of [`Change`](Self::Change).
    Action(&'static str),
}

impl Operation {
    /// Operations that store something.
    const WRITES: [Self; 5] = [
        Self::Create,
        Self::Change,
        Self::Delete,
        Self::Import,
        Self::Restore,
    ];

    /// Returns the passive form of the operation, for messages.
    fn passive(self) -> &'static str {
        match self {
            Self::View => "be viewed",
            Self::Create => "be added",
            Self::Change => "be changed",
            Self::Delete => "be deleted",
            Self::Export => "be exported",
            Self::Import => "be imported",
            Self::Restore => "be restored",
            Self::Action(_) => "be subject to this action",
        }
    }
}

/// Operations that one user may perform on the rows of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct ModelPermissions {
    pub(crate) view: bool,
    pub(crate) create: bool,
    pub(crate) change: bool,
    pub(crate) delete: bool,
    pub(crate) export: bool,
}

/// Permissions of a model: rules for operations, for fields and for rows.
///
/// `#[admin_model]` builds it from its keys. A rule names users other than administrators;
/// administrators satisfy every rule and see all rows.
///
/// ```
/// use portal_core::Access;
/// use portal_core::admin::{ModelPolicy, Operation};
///
/// let policy = ModelPolicy::new(Access::role("sales"))
///     .rule(Operation::Delete, Access::Admin)
///     .view_field("margin", Access::role("finance"));
/// assert_eq!(policy.access(Operation::View), Some(&Access::role("sales")));
/// assert_eq!(policy.access(Operation::Delete), Some(&Access::Admin));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ModelPolicy {
    /// Rule of the operations that have no separate rule.
    fallback: Access,
    /// Separate rules; `None` if no one may perform the operation.
    rules: BTreeMap<Operation, Option<Access>>,
    fields: BTreeMap<&'static str, FieldRules>,
    scope: Option<ScopeHandler>,
}

/// Rules of a field; `None` does not narrow the rule of the operation.
#[derive(Debug, Clone, Default)]
struct FieldRules {
    view: Option<Access>,
    change: Option<Access>,
}

impl ModelPolicy {
    /// Creates the permissions of a model whose operations all have the same rule.
    pub fn new(access: Access) -> Self {
        Self {
            fallback: access,
            rules: BTreeMap::new(),
            fields: BTreeMap::new(),
            scope: None,
        }
    }

    /// Sets the rule of an operation.
    pub fn rule(mut self, operation: Operation, access: Access) -> Self {
        self.rules.insert(operation, Some(access));
        self
    }

    /// Denies an operation to everyone, including administrators.
    pub fn deny(mut self, operation: Operation) -> Self {
        self.rules.insert(operation, None);
        self
    }

    /// Denies all operations that change rows to everyone.
    pub(super) fn read_only(self) -> Self {
        Operation::WRITES.into_iter().fold(self, Self::deny)
    }

    /// Shows a field only to users who satisfy a rule, in addition to the rule for viewing rows.
    ///
    /// For other users, the field does not exist. The name is checked when the portal starts.
    pub fn view_field(mut self, field: &'static str, access: Access) -> Self {
        self.fields.entry(field).or_default().view = Some(access);
        self
    }

    /// Lets only users who satisfy a rule set a field, in addition to the rules for adding and
    /// changing rows, and for viewing the field.
    ///
    /// For other users who may view the field, it is read-only; rows that they add get its default.
    /// The name is checked when the portal starts.
    pub fn change_field(mut self, field: &'static str, access: Access) -> Self {
        self.fields.entry(field).or_default().change = Some(access);
        self
    }

    /// Limits the rows that users other than administrators may see.
    ///
    /// `scope` is an `async fn(&User) -> Result<Scope<M>>`, with up to two more arguments of the
    /// type `Data<_>`. The portal calls it once for each request and model.
    ///
    /// ```
    /// use portal_core::admin::{AdminModel, ModelPolicy, Scope};
    /// use portal_core::{Access, Result, User};
    ///
    /// async fn nothing<M: AdminModel>(_user: &User) -> Result<Scope<M>> {
    ///     Ok(Scope::nothing())
    /// }
    /// # fn policy<Deal: AdminModel>() -> ModelPolicy {
    /// ModelPolicy::new(Access::role("sales")).scope(nothing::<Deal>)
    /// # }
    /// ```
    pub fn scope<M: AdminModel, Args: 'static>(mut self, scope: impl ScopeFn<M, Args>) -> Self {
        self.scope = Some(ScopeHandler::new(scope));
        self
    }

    /// Returns the rule of an operation; `None` if no one may perform it.
    #[must_use]
    pub fn access(&self, operation: Operation) -> Option<&Access> {
        match (self.rules.get(&operation), operation) {
            (Some(rule), _) => rule.as_ref(),
            (None, Operation::Action(_)) => self.access(Operation::Change),
            (None, _) => Some(&self.fallback),
        }
    }

    /// Returns the rule for viewing rows, which is also the rule of the model's pages and topic.
    pub(crate) fn view_access(&self) -> Access {
        let no_user = || Access::AnyOf(Vec::new());
        self.access(Operation::View)
            .map_or_else(no_user, Access::clone)
    }

    /// Returns all rules, for start-up checks.
    pub(crate) fn all_rules(&self) -> impl Iterator<Item = &Access> {
        let of_fields = self.fields.values();
        let of_fields = of_fields.flat_map(|rules| rules.view.iter().chain(&rules.change));
        let of_operations = self.rules.values().flatten();
        std::iter::once(&self.fallback)
            .chain(of_operations)
            .chain(of_fields)
    }

    /// Returns the rules of operations, for start-up checks.
    pub(super) fn operation_rules(&self) -> impl Iterator<Item = &Access> {
        std::iter::once(&self.fallback).chain(self.rules.values().flatten())
    }

    /// Returns the names of actions with rules, for start-up checks.
    pub(super) fn ruled_actions(&self) -> impl Iterator<Item = &'static str> {
        self.rules.keys().filter_map(|operation| match operation {
            Operation::Action(name) => Some(*name),
            _ => None,
        })
    }

    /// Returns the names of fields with rules, for start-up checks.
    pub(super) fn ruled_fields(&self) -> impl Iterator<Item = &'static str> {
        self.fields.keys().copied()
    }

    /// Returns `true` if everyone who may add rows may also set a field, as far as the rules show.
    pub(super) fn creators_set(&self, field: &str) -> bool {
        let Some(create) = self.access(Operation::Create) else {
            return true;
        };
        let rules = self.fields.get(field);
        let mut rules = rules
            .into_iter()
            .flat_map(|it| it.view.iter().chain(&it.change));
        *create == Access::Admin || rules.all(|rule| rule == create)
    }

    /// Returns the values that the scope requires, for start-up checks.
    pub(crate) fn dependencies(&self) -> &[Dependency] {
        self.scope.as_ref().map_or(&[], ScopeHandler::dependencies)
    }

    /// Checks whether a user may perform an operation on rows of the model.
    pub(super) fn check(&self, operation: Operation, user: &User) -> Result<()> {
        if operation == Operation::View {
            return Ok(self.view_access().check(Some(user))?);
        }
        self.check(Operation::View, user)?;
        let passive = operation.passive();
        let denied = match self
            .access(operation)
            .map(|access| access.check(Some(user)))
        {
            Some(Ok(())) => return Ok(()),
            Some(Err(Denied::Forbidden)) => {
                format!("your account does not allow rows of this model to {passive}")
            }
            Some(Err(denied)) => return Err(denied.into()),
            None => format!("rows of this model cannot {passive} here"),
        };
        Err(not_permitted(denied))
    }

    /// Returns `true` if a user may perform an operation on rows of the model.
    pub(super) fn allows(&self, operation: Operation, user: &User) -> bool {
        self.check(operation, user).is_ok()
    }

    /// Returns the operations that a user may perform.
    pub(super) fn permissions(&self, user: &User) -> ModelPermissions {
        ModelPermissions {
            view: self.allows(Operation::View, user),
            create: self.allows(Operation::Create, user),
            change: self.allows(Operation::Change, user),
            delete: self.allows(Operation::Delete, user),
            export: self.allows(Operation::Export, user),
        }
    }

    /// Returns `true` if a user may view a field of the rows that they may view.
    pub(super) fn shows(&self, field: &FieldSpec, user: &User) -> bool {
        let rule = self.fields.get(field.name).and_then(|it| it.view.as_ref());
        rule.is_none_or(|rule| rule.allows(Some(user)))
    }

    /// Returns `true` if a user may set a field in the rows that they may add or change.
    pub(super) fn lets_set(&self, field: &FieldSpec, user: &User) -> bool {
        let rule = self
            .fields
            .get(field.name)
            .and_then(|it| it.change.as_ref());
        self.shows(field, user) && rule.is_none_or(|rule| rule.allows(Some(user)))
    }

    /// Returns the rows that a user may see. Administrators see all rows.
    pub(super) async fn rows(&self, user: &User, state: &PortalState) -> Result<RowScope> {
        match &self.scope {
            Some(scope) if !Access::Admin.allows(Some(user)) => scope.rows(user, state).await,
            _ => Ok(RowScope::All),
        }
    }
}

/// Returns the `403` error for an operation on rows that the caller may view.
pub(super) fn not_permitted(detail: String) -> Error {
    Error::forbidden(detail).with_code("not_permitted")
}
