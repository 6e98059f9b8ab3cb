//! Computed columns: values that are derived from a row and not stored.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::field::{AdminField, FieldSpec};
use super::model::AdminModel;
use super::spec::RowValues;
use super::values::FieldValues;

/// A column whose value is computed from the row.
///
/// Lists, forms and the REST API show it. It cannot be changed, sorted or filtered by.
///
/// `#[admin_model(computed(margin))]` uses the method `margin` of the struct. By hand:
///
/// ```
/// use portal_core::admin::ComputedField;
///
/// struct Offer { price: i64, cost: i64 }
///
/// let margin = ComputedField::new("margin", |offer: &Offer| offer.price - offer.cost).title("Margin");
/// assert_eq!(margin.name(), "margin");
/// ```
#[must_use]
pub struct ComputedField<M> {
    spec: FieldSpec,
    compute: Box<dyn Fn(&M) -> Value + Send + Sync>,
}

impl<M> ComputedField<M> {
    /// Creates a column with a name and the function that computes its value.
    pub fn new<T: AdminField>(
        name: &'static str,
        compute: impl Fn(&M) -> T + Send + Sync + 'static,
    ) -> Self {
        Self {
            spec: FieldSpec::new::<T>(name).read_only(),
            compute: Box::new(move |row| compute(row).to_value()),
        }
    }

    /// Sets the title. Default: the name.
    pub fn title(mut self, title: &'static str) -> Self {
        self.spec = self.spec.title(title);
        self
    }

    /// Returns the name in the API.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.spec.name
    }
}

impl<M> fmt::Debug for ComputedField<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ComputedField").field(&self.spec).finish()
    }
}

/// Computed columns of a model at run time.
#[derive(Clone)]
pub(crate) struct ComputedFields {
    specs: Vec<FieldSpec>,
    compute: Arc<dyn Fn(RowValues) -> Vec<Value> + Send + Sync>,
}

impl ComputedFields {
    pub(super) fn none() -> Self {
        Self {
            specs: Vec::new(),
            compute: Arc::new(|_| Vec::new()),
        }
    }

    pub(super) fn of<M: AdminModel>() -> Self {
        let fields = M::computed();
        Self {
            specs: fields.iter().map(|field| field.spec).collect(),
            // The columns of a stored row that does not match the struct are empty.
            compute: Arc::new(move |row| match M::from_values(FieldValues::new(row)) {
                Ok(row) => fields.iter().map(|field| (field.compute)(&row)).collect(),
                Err(_) => vec![Value::Null; fields.len()],
            }),
        }
    }

    pub(super) fn specs(&self) -> &[FieldSpec] {
        &self.specs
    }

    /// Adds the computed values to a whole row.
    pub(super) fn add_to(&self, row: &mut RowValues) {
        if self.specs.is_empty() {
            return;
        }
        let values = (self.compute)(row.clone());
        for (spec, value) in self.specs.iter().zip(values) {
            row.insert(spec.name.to_owned(), value);
        }
    }
}

impl fmt::Debug for ComputedFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ComputedFields").field(&self.specs).finish()
    }
}
