//! Children in the form of a record: their submitted input, and their controls.

use std::collections::{BTreeMap, HashMap};

use maud::{Markup, html};
use serde_json::Value;

use super::child_rows::{CHILDREN, ChildChange, ChildChanges, Children, MAX_CHILDREN, PER_PAGE};
use super::form_fields::{FormFields, ReferenceOptions};
use super::form_state::{FormData, FormState};
use super::list_url::ListUrl;
use super::precondition::Precondition;
use super::query::LAST_PAGE;
use super::references::ReferenceChoices;
use super::spec::RowValues;
use crate::error::{FieldError, Result};
use crate::pages::Href;
use crate::pages::components::{Button, Field, Pagination};

/// Name of the button that adds an empty child to the form.
pub(super) const ADD: &str = "_add";

/// Start of the parameters with the pages of the children of each model.
const PAGE: &str = "page.";

/// Children in a form, by model.
pub(super) type ChildForms = BTreeMap<&'static str, ChildPage>;

/// Children of one model in a form.
#[derive(Debug, Clone, Default)]
pub(super) struct ChildPage {
    rows: Vec<ChildForm>,
    number: u64,
    total: u64,
}

/// One child in a form.
#[derive(Debug, Clone, Default)]
struct ChildForm {
    state: FormState,
    is_removed: bool,
    options: ReferenceOptions,
}

impl ChildForm {
    fn new(state: FormState) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }

    /// Reads the submitted children of a model, in the order of the form.
    fn read_all(children: &Children<'_>, sent: &FormData) -> Vec<Self> {
        let model = children.rows.model();
        let mut rows = Vec::new();
        for index in 0..MAX_CHILDREN {
            let prefix = prefix(model.name, index);
            let own = |(name, value): (&String, &String)| {
                let field = match name.strip_prefix("resolve.") {
                    Some(rest) => format!("resolve.{}", rest.strip_prefix(&prefix)?),
                    None => name.strip_prefix(&prefix)?.to_owned(),
                };
                Some((field, value.clone()))
            };
            let fields: FormData = sent.iter().filter_map(own).collect();
            if fields.is_empty() {
                break;
            }
            let key = fields.get("_key").map(String::as_str);
            rows.push(Self {
                state: FormState::read(model, key, &fields),
                is_removed: fields.contains_key("_remove"),
                options: ReferenceOptions::new(),
            });
        }
        rows
    }

    /// Returns the change that the form requests; `None` if the child stays as it is.
    fn change(&self, children: &Children<'_>) -> Result<Option<ChildChange>, Vec<FieldError>> {
        let Some((key, version)) = self.state.row.clone() else {
            let added = (!self.is_removed).then(|| self.values(children).map(ChildChange::Add));
            return added.transpose();
        };
        let expected = Precondition::OneOf(vec![version]);
        if self.is_removed {
            return Ok(Some(ChildChange::Remove { key, expected }));
        }
        let values = self.values(children)?;
        Ok((!values.is_empty()).then_some(ChildChange::Change {
            key,
            expected,
            values,
        }))
    }

    /// Returns the submitted values without the reference to the record, which is not in the form.
    fn values(&self, children: &Children<'_>) -> Result<RowValues, Vec<FieldError>> {
        let by = children.field;
        match self.state.values(children.rows.model()) {
            Ok(mut values) => {
                values.remove(by.name);
                Ok(values)
            }
            Err(mut errors) => {
                errors.retain(|error| error.pointer != by.pointer());
                Err(errors)
            }
        }
    }
}

/// Returns the children of a record: as they are stored or, if a form was submitted, as they were
/// submitted.
pub(super) async fn forms(
    all: &[Children<'_>],
    parent: &Value,
    here: &ListUrl,
    draft: &FormState,
) -> Result<ChildForms> {
    let mut forms = ChildForms::new();
    for children in all {
        let model = children.rows.model();
        let number = here.get(&format!("{PAGE}{}", model.name)).parse().ok();
        let number = number.filter(|number| (1..=LAST_PAGE).contains(number));
        let page = children.page(parent, number.unwrap_or(1)).await?;
        let mut rows: Vec<ChildForm> = match &draft.sent {
            Some(sent) => ChildForm::read_all(children, sent),
            None => {
                let states = page.rows.iter().map(|row| FormState::of(model, row));
                states.map(ChildForm::new).collect()
            }
        };
        for (index, row) in rows.iter_mut().enumerate() {
            row.explain(children, index, &draft.errors).await?;
        }
        if draft.added.as_deref() == Some(model.name) && rows.len() < MAX_CHILDREN {
            rows.push(ChildForm::new(FormState::new_row(model)));
        }
        add_options(children, &mut rows).await?;
        let page = ChildPage {
            rows,
            number: page.number(),
            total: page.total.number(),
        };
        forms.insert(model.name, page);
    }
    Ok(forms)
}

impl ChildForm {
    /// Adds the errors in this child, and the stored values if someone else has changed it.
    async fn explain(
        &mut self,
        children: &Children<'_>,
        index: usize,
        errors: &[FieldError],
    ) -> Result<()> {
        let at = format!("{CHILDREN}{}/{index}", children.name());
        let own = errors.iter().filter_map(|error| {
            let pointer = error.pointer.strip_prefix(&at)?;
            let is_own = pointer.is_empty() || pointer.starts_with('/');
            is_own.then(|| FieldError {
                pointer: pointer.to_owned(),
                ..error.clone()
            })
        });
        self.state.errors = own.collect();
        let Some((key, _)) = self.state.row.clone() else {
            return Ok(());
        };
        if !self.state.errors.iter().any(|it| it.code == "stale") {
            return Ok(());
        }
        match children.rows.get(&key).await {
            Ok(present) => {
                self.state.rebase(children.rows.model(), &present);
                let advice = "Someone else changed this record. Save again to overwrite.";
                self.state.banner = Some(advice.to_owned());
                self.state.errors.clear();
                Ok(())
            }
            Err(error) if error.code() == "row_not_found" => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Adds the choices of references, with one or two queries for each field.
async fn add_options(children: &Children<'_>, rows: &mut [ChildForm]) -> Result<()> {
    let model = children.rows.model();
    for field in model.fields().filter(|it| it.name != children.field.name) {
        let Some(choices) = ReferenceChoices::of(&children.rows, field, "").await? else {
            continue;
        };
        let mut labels = HashMap::new();
        if let (ReferenceChoices::Searched { .. }, Some(targets)) =
            (&choices, children.rows.targets(field).await?)
        {
            let target = targets.model();
            let texts = rows
                .iter()
                .filter_map(|row| row.state.inputs.get(field.name));
            let keys: Vec<Value> = texts.map(|it| target.parse_key(&it.text)).collect();
            let keys: Vec<&Value> = keys.iter().filter(|it| !it.is_null()).collect();
            for row in targets.get_all(&keys).await? {
                labels.insert(target.key_of(&row.values), target.label_of(&row.values));
            }
        }
        for row in rows.iter_mut() {
            let text = row.state.inputs.get(field.name).map(|it| &it.text);
            let choices = match &choices {
                ReferenceChoices::Searched { model, .. } => ReferenceChoices::Searched {
                    model,
                    label: text.and_then(|text| labels.get(text)).cloned(),
                },
                listed => listed.clone(),
            };
            row.options.insert(field.name, choices);
        }
    }
    Ok(())
}

/// Returns the changes of children that a form requests, or the errors in them.
pub(super) fn changes<'a>(
    all: Vec<Children<'a>>,
    sent: &FormData,
) -> Result<Vec<ChildChanges<'a>>, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut groups = Vec::new();
    for children in all {
        let mut changes = Vec::new();
        for (index, row) in ChildForm::read_all(&children, sent).iter().enumerate() {
            match row.change(&children) {
                Ok(change) => changes.extend(change.map(|change| (index, change))),
                Err(more) => errors.extend(more.into_iter().map(|mut error| {
                    let at = format!("{CHILDREN}{}/{index}", children.name());
                    error.pointer.insert_str(0, &at);
                    error
                })),
            }
        }
        groups.push(ChildChanges { children, changes });
    }
    match errors.as_slice() {
        [] => Ok(groups),
        _ => Err(errors),
    }
}

/// Copies the pages of the children from one URL to another.
pub(super) fn with_pages(to: ListUrl, here: &ListUrl) -> ListUrl {
    let pages = here.pairs().into_iter();
    let pages = pages.filter(|(name, _)| name.starts_with(PAGE));
    pages.fold(to, |to, (name, page)| to.with(name, page))
}

/// Returns the start of the names of a child's fields.
fn prefix(model: &str, index: usize) -> String {
    format!("{model}.{index}.")
}

/// Renders the children of one model. `add` is the URL that adds an empty child to the form, and
/// `here` is the URL of the page.
pub(super) fn render(
    children: &Children<'_>,
    page: &ChildPage,
    add: &str,
    here: &ListUrl,
) -> Markup {
    let model = children.rows.model();
    let id = format!("children-{}", model.name);
    html! {
        section class="pt-card pt-children" aria-labelledby=(id) {
            div class="pt-card-head" { div { h2 id=(id) { (model.plural) } } }
            div class="pt-form" {
                @if page.rows.is_empty() { p class="pt-muted" { "No " (model.plural.to_lowercase()) " yet" } }
                @for (index, row) in page.rows.iter().enumerate() { (child(children, row, index)) }
                @if children.may_add() {
                    div class="pt-form-actions" {
                        (Button::new(format!("Add {}", model.title.to_lowercase())).icon("plus").submit()
                            .attribute("name", ADD).attribute("value", model.name)
                            .attribute("formaction", Href::from(add).to_string())
                            .attribute("formnovalidate", ""))
                    }
                }
            }
            @if page.total > PER_PAGE {
                (Pagination::new(page.number, PER_PAGE, page.total, |number| {
                    here.with(&format!("{PAGE}{}", model.name), number.to_string()).to_string()
                }))
            }
        }
    }
}

fn child(children: &Children<'_>, row: &ChildForm, index: usize) -> Markup {
    let model = children.rows.model();
    let prefix = prefix(model.name, index);
    let name = |field: &str| format!("{prefix}{field}");
    let state = &row.state;
    let fields = FormFields {
        model,
        draft: state,
        targets: &row.options,
        prefix: &prefix,
        convert: "",
        parent: Some(children.field),
    };
    let remove = Field::checkbox(name("_remove"), "Remove").checked(row.is_removed);
    html! {
        fieldset class="pt-form" {
            @match &state.row {
                Some((key, version)) => {
                    legend { a href=(Href::from(ListUrl::of(model.name).record(key))) { (state.label) } }
                    input type="hidden" name=(name("_key")) value=(key);
                    input type="hidden" name=(name("_version")) value=(version);
                    input type="hidden" name=(name("_label")) value=(state.label);
                },
                None => {
                    legend { "New " (model.title.to_lowercase()) }
                    input type="hidden" name=(name("_new")) value="1";
                },
            }
            (fields.render())
            @if state.row.is_none() || model.permissions.delete { (remove) }
        }
    }
}

/// Returns the number of changes, for a message.
pub(super) fn count(changes: &[ChildChanges<'_>]) -> usize {
    changes.iter().map(|it| it.changes.len()).sum()
}
