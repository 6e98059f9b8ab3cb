//! Admin models: structs with a table, a REST interface and pages for administrators.

pub(crate) mod actions;
mod api;
mod audit_api;
mod audit_changes;
mod audit_diff;
mod audit_page;
mod changed;
mod child_api;
mod child_forms;
mod child_rows;
mod children;
mod computed;
mod consequences;
mod cursor;
mod default_references;
mod defaults;
mod deletion;
mod document_format;
mod export;
mod export_format;
mod field;
mod field_type;
mod field_types;
mod filter;
mod form;
mod form_fields;
mod form_state;
mod history;
mod hooks;
mod join_table;
mod key_query;
mod list;
mod list_url;
pub(crate) mod model;
mod model_schema;
mod model_view;
mod models;
mod on_delete;
mod operator;
mod pages;
mod policy;
mod precondition;
mod query;
mod record;
mod references;
mod registry;
mod related;
mod repository;
mod row_service;
mod row_version;
mod scope;
mod search;
mod selection;
mod spec;
mod storage;
mod tables;
mod total;
mod users;
mod values;
mod views;
mod yaml;

pub use actions::{
    ActionArgs, ActionFuture, ActionReport, ActionRow, AdminAction, FailedRow, Rows,
};
pub use children::ChildSpec;
pub use computed::ComputedField;
pub use field::{AdminField, FieldKind, FieldSpec};
pub use field_type::{ControlSpec, FieldType, FilterInput, FilterPreset, Widget};
pub use field_types::{AdminChoice, Document, Email, Markdown, Related};
pub use hooks::{HookContext, HookTable, ModelHooks};
pub use model::{AdminModel, ModelOptions, TableOptions};
pub use models::{
    Column, Condition, IntoOperand, ModelQuery, Models, ModelsWithin, OrderBy, QueryRow,
    RelatedRow, TextField, WithRelated,
};
pub use on_delete::OnDelete;
pub use operator::Operator;
pub use policy::{ModelPolicy, Operation};
pub use scope::{Scope, ScopeFn};
pub use storage::Storage;
pub use values::FieldValues;

#[cfg(feature = "macros")]
pub use portal_macros::AdminChoice;

pub(crate) use actions::{action_tasks, attach as attach_actions};
pub(crate) use api::routes;
pub(crate) use defaults::DefaultRows;
pub(crate) use model::ModelEntry;
pub(crate) use registry::ModelRegistry;
pub(crate) use search::ModelSearch;
pub(crate) use spec::ModelSpec;
pub(crate) use tables::{apply_models, model_drift, tables};

/// Returns all pages of the admin.
pub(crate) fn pages(models: &ModelRegistry) -> Vec<crate::pages::Page> {
    let mut pages = pages::pages(models);
    pages.push(audit_page::page());
    pages
}

/// Adds the models with a navigation entry to the navigation.
pub(crate) fn link_models(models: &ModelRegistry, nav: &mut crate::pages::Nav) {
    for model in models.models() {
        if let Some(item) = &model.nav {
            let path = list_url::ListUrl::of(model.name).to_string();
            nav.link(item.clone(), path, model.policy.view_access());
        }
    }
}

#[cfg(test)]
mod tests;
