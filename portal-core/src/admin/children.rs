//! Children of a record: rows of another model that are edited in its form.

/// A model whose rows are edited in the form of the record to which they refer.
///
/// `#[admin_model(children(Activity, by = deal_id))]` declares it.
///
/// ```
/// use portal_core::admin::ChildSpec;
///
/// const CHILDREN: &[ChildSpec] = &[ChildSpec::new("activity", "deal_id")];
/// # let _ = CHILDREN;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChildSpec {
    pub(crate) model: &'static str,
    pub(crate) field: &'static str,
}

impl ChildSpec {
    /// Creates the specification of a model and of its field that refers to the record.
    #[must_use]
    pub const fn new(model: &'static str, field: &'static str) -> Self {
        Self { model, field }
    }
}
