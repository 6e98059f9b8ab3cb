//! Rows of other models that refer to a record.

use maud::{Markup, html};
use serde_json::Value;

use super::field::FieldSpec;
use super::field_type::plain_text;
use super::list::{cells, pagination};
use super::list_url::ListUrl;
use super::operator::Operator;
use super::query::{CURSOR, Filter, ListQuery};
use super::references::ReferenceLabels;
use super::row_service::RowService;
use crate::error::Result;
use crate::live::Region;
use crate::pages::components::{Button, Column, EmptyState, Row, Table, Toolbar, list_card};

/// A field of a model that refers to the model of a record, as one user sees it.
pub(super) struct Relation<'a> {
    /// The rows of the referring model.
    pub(super) rows: RowService<'a>,
    pub(super) field: &'static FieldSpec,
    pub(super) title: String,
}

impl<'a> Relation<'a> {
    /// Returns the relations that the user may view. A model with several fields that refer to the
    /// record has one relation for each of them.
    pub(super) async fn of(target: &RowService<'a>) -> Result<Vec<Self>> {
        let mut relations: Vec<Self> = Vec::new();
        for (rows, field) in target.referring().await? {
            let model = rows.model();
            let fields = model.fields();
            let referring = fields.filter(|it| it.target() == Some(target.model().name));
            let title = match referring.count() {
                1 => model.plural.to_owned(),
                _ => format!("{} ({})", model.plural, field.title),
            };
            relations.push(Self { rows, field, title });
        }
        Ok(relations)
    }

    /// Returns the name of the relation in URLs.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.rows.model().name, self.field.name)
    }

    /// Renders the rows that refer to a record. `here` is the URL of the tab.
    pub(super) async fn list(&self, target: &Value, here: &ListUrl) -> Result<Markup> {
        let model = self.rows.model();
        let given = |list: ListUrl, name| list.with(name, here.get(name));
        let start = ListUrl::new("").with("per_page", "20");
        let start = ["page", CURSOR].into_iter().fold(start, given);
        let start = match here.get("per_page") {
            "" => start,
            size => start.with("per_page", size),
        };
        // Invalid parameters are ignored, as in a list.
        let (mut query, _) = ListQuery::parse_leniently(model, &start.query());
        query.filters.push(Filter {
            field: self.field.name,
            operator: Operator::Equal,
            values: vec![target.clone()],
        });
        let page = self.rows.browse(&query).await?;
        let labels = ReferenceLabels::of(&self.rows, &page.rows).await?;
        let fields: Vec<&FieldSpec> = model.listed();
        let fields: Vec<&FieldSpec> = match fields.len() {
            1 => fields,
            _ => fields
                .into_iter()
                .filter(|it| it.name != self.field.name)
                .collect(),
        };
        let list = ListUrl::of(model.name)
            .with(&format!("filter[{}]", self.field.name), plain_text(target));
        let columns = fields.iter().map(|field| {
            let column = Column::new(field.title);
            match field.kind.is_numeric() && field.references.is_none() {
                true => column.numeric(),
                false => column,
            }
        });
        let table = columns.fold(Table::new(self.title.as_str()), Table::column);
        let table = table
            .empty(self.empty(here))
            .rows(page.rows.iter().map(|row| {
                let row_key = model.key_of(&row.values);
                let href = list.record(&row_key).to_string();
                Row::new(
                    row_key,
                    cells(model, &fields, Some(0), &labels, &row.values),
                )
                .href(href)
            }));
        let bar = Toolbar::new(here.path()).end(html! {
            (Button::new("Show in list").icon("table").href(list.to_string()))
            @if model.permissions.create && model.may_set(self.field) {
                (self.new_button(here).solid())
            }
        });
        let content = list_card(
            "rows",
            html! {
                (bar)
                (table)
                (pagination(&query, &page, here))
            },
        );
        Ok(Region::new(&model.topic()).id("live-rows").render(content))
    }

    fn empty(&self, here: &ListUrl) -> EmptyState {
        let model = self.rows.model();
        let empty = EmptyState::new("inbox", format!("No {} yet", model.plural.to_lowercase()));
        match model.permissions.create && model.may_set(self.field) {
            true => empty.action(self.new_button(here)),
            false => empty,
        }
    }

    fn new_button(&self, here: &ListUrl) -> Button<'static> {
        let title = self.rows.model().title.to_lowercase();
        let href = here.with("new", "1").to_string();
        Button::new(format!("New {title}")).icon("plus").href(href)
    }
}
