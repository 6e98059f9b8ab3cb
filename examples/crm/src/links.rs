//! URLs of the lists and forms of the models, and of the import, which the portal provides.

use portal_core::admin::AdminModel;
use portal_core::pages::{Href, Nav};
use portal_core::prelude::*;

use crate::models::{Deal, Stage};
use crate::sales;

/// Returns the URL of the list of a model.
pub(crate) fn list<M: AdminModel>() -> Href<'static> {
    Href::from(format!("/admin/settings/{}", M::NAME))
}

/// Returns the URL of the list of the deals in a stage.
pub(crate) fn stage(stage: Stage) -> Href<'static> {
    list::<Deal>().query("filter[stage]", stage.as_str())
}

/// Returns the URL of the form for a new row.
pub(crate) fn new<M: AdminModel>() -> Href<'static> {
    list::<M>().query("new", 1)
}

/// Returns the URL of a row.
pub(crate) fn row<M: AdminModel>(id: i64) -> Href<'static> {
    list::<M>().query("edit", id)
}

/// Returns the URL of the form that starts the import of contacts.
pub(crate) fn import() -> Href<'static> {
    Href::from("/tasks")
        .query("state", "imports")
        .query("task", "import_contacts")
}

/// Returns the URL of the form action that adds the default rows, for administrators.
pub(crate) fn add_demo_data() -> Href<'static> {
    Href::from("/admin/settings/defaults")
}

/// Adds the import to the navigation group of the pages and models.
pub(crate) fn add_to(nav: &mut Nav) {
    let item = NavItem::new("Import contacts").icon("upload");
    nav.link(item.order(27).group("Sales"), import().as_str(), sales());
}
