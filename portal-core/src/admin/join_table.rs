//! Join tables: the pairs of keys of many-to-many fields.

use super::field::FieldSpec;
use super::registry::ModelRegistry;
use super::spec::ModelSpec;
use crate::store::schema::{ColumnSpec, IndexSpec, PrimaryKey, TableSpec};

/// Column with the key of the row that has the field.
pub(super) const OWNER: &str = "owner_id";

/// Column with the key of the row that the field lists.
pub(super) const TARGET: &str = "target_id";

/// Table that stores the values of a many-to-many field.
///
/// The names of its columns do not depend on the models, so that they also differ if the rows of a
/// model are related to each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JoinTable<'a> {
    pub(super) owner: &'a ModelSpec,
    pub(super) field: &'static FieldSpec,
    pub(super) target: &'a ModelSpec,
}

impl<'a> JoinTable<'a> {
    /// Returns the join table of a field; `None` if the field has none, or if the other model is not
    /// registered.
    pub(super) fn of(
        owner: &'a ModelSpec,
        field: &'static FieldSpec,
        registry: &'a ModelRegistry,
    ) -> Option<Self> {
        let target = registry.find(field.many_to_many?)?;
        Some(Self {
            owner,
            field,
            target,
        })
    }

    pub(super) fn name(&self) -> String {
        name(self.owner.table, self.field)
    }

    /// Returns the table that the field requires.
    pub(super) fn spec(&self) -> TableSpec {
        let column = |name: &'static str, model: &ModelSpec| ColumnSpec {
            name,
            column_type: model.key().kind.column_type(),
            nullable: false,
            key: PrimaryKey::None,
            default: None,
            references: Some((model.table, model.key().name)),
            renamed_from: None,
        };
        let index = |columns: &[&'static str], unique| IndexSpec {
            columns: columns.to_vec(),
            unique,
        };
        TableSpec {
            name: self.name(),
            columns: vec![column(OWNER, self.owner), column(TARGET, self.target)],
            indexes: vec![index(&[OWNER, TARGET], true), index(&[TARGET], false)],
            renamed_from: self
                .owner
                .table_options
                .renamed_from
                .map(|old| name(old, self.field)),
            is_managed: true,
        }
    }
}

/// Returns the name of the join table of a field.
pub(super) fn name(table: &str, field: &FieldSpec) -> String {
    format!("{table}_{}", field.name)
}
