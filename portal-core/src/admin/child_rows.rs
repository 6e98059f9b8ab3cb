//! Changes of a record together with its children, in one transaction.

use axum::http::StatusCode;
use serde_json::Value;

use super::field::FieldSpec;
use super::models::Models;
use super::operator::Operator;
use super::policy::Operation;
use super::precondition::{Precondition, stale};
use super::query::{Filter, ListQuery};
use super::record::{Record, row_not_found};
use super::repository::CascadeRights;
use super::row_service::{ChangedRow, RowService, VisiblePage};
use super::spec::RowValues;
use crate::error::{Error, FieldError, Result};
use crate::store::{Connection, Transaction};

/// Maximum number of children in a request.
pub(super) const MAX_CHILDREN: usize = 100;

/// Number of children on a page of a form.
pub(super) const PER_PAGE: u64 = 20;

/// A model whose rows are edited in the form of a record, as one user sees it.
pub(super) struct Children<'a> {
    /// The rows of the child model.
    pub(super) rows: RowService<'a>,
    /// Field that refers to the record.
    pub(super) field: &'static FieldSpec,
}

/// A change of one child.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ChildChange {
    Add(RowValues),
    Change {
        key: String,
        expected: Precondition,
        values: RowValues,
    },
    Remove {
        key: String,
        expected: Precondition,
    },
}

/// Changes of the children of one model.
pub(super) struct ChildChanges<'a> {
    pub(super) children: Children<'a>,
    /// Each change with its position in the request, which the pointers of errors contain.
    pub(super) changes: Vec<(usize, ChildChange)>,
}

/// A checked change, ready to be written.
enum Checked {
    Insert(RowValues),
    Update(String, Record, RowValues),
    Delete(String, Precondition, CascadeRights),
    /// The row stays as it is.
    Nothing,
}

impl<'a> Children<'a> {
    /// Returns the models whose rows the user may edit in the form of a record.
    pub(super) async fn of(target: &RowService<'a>) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for spec in target.model().children() {
            let Some(rows) = target.visible(spec.model).await? else {
                continue;
            };
            let permissions = rows.model().permissions;
            let may_edit = permissions.create || permissions.change || permissions.delete;
            if let Some(field) = rows.model().field(spec.field).filter(|_| may_edit) {
                all.push(Self { rows, field });
            }
        }
        Ok(all)
    }

    pub(super) fn name(&self) -> &'static str {
        self.rows.model().name
    }

    /// Returns `true` if the user may add children.
    pub(super) fn may_add(&self) -> bool {
        let model = self.rows.model();
        model.permissions.create && model.may_set(self.field)
    }

    /// Returns one page of the children of a record.
    pub(super) async fn page(&self, parent: &Value, page: u64) -> Result<VisiblePage> {
        let mut query = ListQuery {
            page: page.max(1),
            per_page: PER_PAGE,
            filters: vec![Filter {
                field: self.field.name,
                operator: Operator::Equal,
                values: vec![parent.clone()],
            }],
            ..ListQuery::first_page(self.rows.model())
        };
        let page = self.rows.list(&query).await?;
        let last = page.total.number().div_ceil(PER_PAGE).max(1);
        if query.page <= last {
            return Ok(page);
        }
        query.page = last;
        self.rows.list(&query).await
    }

    async fn check(&self, parent: &Value, change: &ChildChange) -> Result<Checked> {
        match change {
            ChildChange::Add(values) => {
                self.rows.permit(Operation::Create)?;
                let mut values = values.clone();
                values.insert(self.field.name.to_owned(), parent.clone());
                self.rows.checked_new(values).await.map(Checked::Insert)
            }
            ChildChange::Change {
                key,
                expected,
                values,
            } => {
                self.rows.permit(Operation::Change)?;
                let present = self.present(parent, key, expected).await?;
                let row = self
                    .rows
                    .checked_row(&present, values.clone(), false)
                    .await?;
                Ok(match row {
                    Some(row) => Checked::Update(key.clone(), present, row),
                    None => Checked::Nothing,
                })
            }
            ChildChange::Remove { key, expected } => {
                self.rows.permit(Operation::Delete)?;
                self.present(parent, key, expected).await?;
                let rights = self.rows.cascade_rights().await?;
                Ok(Checked::Delete(key.clone(), expected.clone(), rights))
            }
        }
    }

    /// Returns a child as it is stored. A row of another record does not exist here.
    async fn present(&self, parent: &Value, key: &str, expected: &Precondition) -> Result<Record> {
        let present = self.rows.record(key).await?;
        if present.values.get(self.field.name) != Some(parent) {
            return Err(row_not_found());
        }
        match expected.is_met_by(&present) {
            true => Ok(present),
            false => Err(stale()),
        }
    }
}

impl RowService<'_> {
    /// Changes a row and its children, all of them or none.
    ///
    /// Errors in children have pointers such as `/children/activity/0/subject`.
    pub(super) async fn change_with_children(
        &self,
        key: &str,
        expected: &Precondition,
        given: RowValues,
        full: bool,
        children: &[ChildChanges<'_>],
    ) -> Result<ChangedRow> {
        if children.iter().all(|it| it.changes.is_empty()) {
            return self.change(key, expected, given, full).await;
        }
        self.permit(Operation::Change)?;
        let present = self.record(key).await?;
        if !expected.is_met_by(&present) {
            return Err(self.model().stale(present));
        }
        let parent = present.values.get(self.model().key().name);
        let parent = parent.cloned().unwrap_or_default();
        let mut errors = Vec::new();
        let row = match self.checked_row(&present, given, full).await {
            Ok(row) => row,
            Err(error) if error.field_errors().is_empty() => return Err(error),
            Err(error) => {
                errors.extend(error.field_errors().iter().cloned());
                None
            }
        };
        let mut checked = Vec::new();
        for group in children {
            for (index, change) in &group.changes {
                match group.children.check(&parent, change).await {
                    Ok(Checked::Nothing) => {}
                    Ok(change) => checked.push((&group.children, *index, change)),
                    Err(error) => match at_child(&group.children, *index, error) {
                        error if error.field_errors().is_empty() => return Err(error),
                        error if error.status() != StatusCode::UNPROCESSABLE_ENTITY => {
                            return Err(error);
                        }
                        error => errors.extend(error.field_errors().iter().cloned()),
                    },
                }
            }
        }
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        let models = self.state().borrow::<Models>()?;
        let mut transaction = models.store().begin().await?;
        let written = self
            .write_all(&mut transaction, key, &present, row.as_ref(), checked)
            .await;
        match written {
            Ok(record) => {
                transaction.commit().await?;
                Ok(self.changed(&present, record))
            }
            Err(error) => {
                // If this fails too, the connection is lost and nothing is stored.
                let _ = transaction.rollback().await;
                match error
                    .field_errors()
                    .iter()
                    .any(|it| it.pointer.starts_with(CHILDREN))
                {
                    true => Err(error),
                    false => Err(self.explain(key, error).await),
                }
            }
        }
    }

    async fn write_all(
        &self,
        transaction: &mut Transaction,
        key: &str,
        present: &Record,
        row: Option<&RowValues>,
        children: Vec<(&Children<'_>, usize, Checked)>,
    ) -> Result<Record> {
        let record = match row {
            Some(row) => {
                let connection = Connection::Transaction(transaction);
                self.table()
                    .update_on(connection, key, present, row)
                    .await?
            }
            None => present.clone(),
        };
        for (children, index, change) in children {
            let rows = &children.rows;
            let outcome = match change {
                Checked::Insert(values) => {
                    let connection = Connection::Transaction(transaction);
                    rows.table().insert_on(connection, &values).await.map(drop)
                }
                Checked::Update(key, present, values) => {
                    let connection = Connection::Transaction(transaction);
                    let table = rows.table();
                    table
                        .update_on(connection, &key, &present, &values)
                        .await
                        .map(drop)
                }
                Checked::Delete(key, expected, rights) => {
                    let connection = Connection::Transaction(transaction);
                    let table = rows.table().clone().cascading(rights);
                    table.delete_on(connection, &key, &expected).await
                }
                Checked::Nothing => Ok(()),
            };
            outcome.map_err(|error| at_child(children, index, rows.model().redact(error)))?;
        }
        Ok(record)
    }
}

/// Start of the pointers to children.
pub(super) const CHILDREN: &str = "/children/";

/// Moves an error to a child of a record.
fn at_child(children: &Children<'_>, index: usize, error: Error) -> Error {
    if error.status().is_server_error() {
        return error;
    }
    let at = format!("{CHILDREN}{}/{index}", children.name());
    let mut errors = error.field_errors().to_vec();
    if errors.is_empty() {
        errors.push(FieldError::new("", error.code(), error.detail().to_owned()));
    }
    for error in &mut errors {
        error.pointer.insert_str(0, &at);
    }
    error.with_field_errors(errors)
}
