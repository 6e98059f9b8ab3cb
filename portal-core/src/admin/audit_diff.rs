//! Audit entries for changes to rows.

use serde_json::Value;

use super::actions::ActionRun;
use super::field::FieldSpec;
use super::spec::{ModelSpec, RowValues};
use crate::auth::{Actor, AuditLog, FieldChange};
use crate::error::Result;
use crate::store::Transaction;

/// Placeholder for secret values.
const HIDDEN: &str = "********";

/// Records a row that was added (no old values), changed or deleted (no new values), possibly
/// during an action.
pub(super) async fn record(
    transaction: &mut Transaction,
    actor: &Actor,
    run: Option<&ActionRun>,
    model: &ModelSpec,
    old: Option<&RowValues>,
    new: Option<&RowValues>,
) -> Result<()> {
    let verb = match (run, old, new) {
        (Some(run), ..) => run.action,
        (None, None, _) => "create",
        (None, Some(_), Some(_)) => "update",
        (None, Some(_), None) => "delete",
    };
    let Some(known) = new.or(old) else {
        return Ok(());
    };
    let fields: Vec<_> = model
        .fields
        .iter()
        .map(|field| change_of(field, old, new))
        .collect();
    let mut details = FieldChange::between(&fields).details(&model.label_of(known));
    if let Some(run) = run {
        details["run"] = run.id.to_string().into();
    }
    AuditLog::record_in(
        transaction,
        actor,
        &format!("{}.{verb}", model.name),
        &format!("{}:{}", model.name, model.key_of(known)),
        details,
    )
    .await
}

/// Returns a field with its old and new values. The values of secrets are masked, so that the entry
/// records only that they changed.
fn change_of(
    field: &FieldSpec,
    old: Option<&RowValues>,
    new: Option<&RowValues>,
) -> (&'static str, Value, Value) {
    let value = |row: Option<&RowValues>| {
        row.and_then(|row| row.get(field.name))
            .cloned()
            .unwrap_or_default()
    };
    let (old, new) = (value(old), value(new));
    if !field.is_write_only() || old == new {
        return (field.name, old, new);
    }
    let hidden = |value: Value, state: &str| match value {
        Value::Null => Value::Null,
        _ => Value::from(format!("{HIDDEN}{state}")),
    };
    (field.name, hidden(old, ""), hidden(new, " (new)"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admin::Widget;

    #[test]
    fn secrets_are_not_recorded() {
        let field = FieldSpec::new::<String>("key").widget(Widget::Password);
        let row = |text: &str| {
            let mut row = RowValues::new();
            row.insert("key".to_owned(), json!(text));
            row
        };
        let (_, old, new) = change_of(&field, Some(&row("s3cret")), Some(&row("n3w")));
        assert_ne!(old, new, "the change is visible");
        for value in [old, new] {
            assert!(!value.to_string().contains('3'), "{value}");
        }
        let (_, old, new) = change_of(&field, None, Some(&row("s3cret")));
        assert_eq!(old, Value::Null);
        assert!(!new.to_string().contains("s3cret"));
    }
}
