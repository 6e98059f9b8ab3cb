//! The portal's users as an admin model.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::computed::ComputedFields;
use super::field::{AdminField, FieldSpec};
use super::key_query::KeyQuery;
use super::model::{ModelOptions, TableOptions};
use super::model_view::ModelView;
use super::policy::{ModelPolicy, Operation};
use super::record::{Record, row_not_found};
use super::repository::ModelTable;
use super::row_version::RowVersion;
use super::spec::{ModelSpec, RowValues, TableOwner};
use super::values::not_allowed;
use crate::auth::{Access, Actor, Auth, Role, RoleSource, Roles, UserChange};
use crate::error::{Error, FieldError, Result};

/// Name of the model.
pub(crate) const MODEL: &str = "user";

const USER_TYPE: FieldSpec = FieldSpec::new::<String>("user_type")
    .title("Role")
    .help("Controls access.");

const FIELDS: &[FieldSpec] = &[
    FieldSpec::new::<Uuid>("id").title("ID").primary_key(),
    FieldSpec::new::<String>("email")
        .title("E-mail")
        .read_only(),
    FieldSpec::new::<String>("first_name")
        .title("First name")
        .read_only(),
    FieldSpec::new::<String>("last_name")
        .title("Last name")
        .read_only(),
    USER_TYPE,
    FieldSpec::new::<Option<String>>("role_source")
        .title("Role source")
        .help("A role from ADMIN_USER_EMAILS is revoked when the entry is removed.")
        .read_only(),
    FieldSpec::new::<bool>("is_active")
        .title("Active")
        .help("Can sign in."),
    FieldSpec::new::<DateTime<Utc>>("created_at")
        .title("Joined")
        .read_only(),
    FieldSpec::new::<Option<DateTime<Utc>>>("last_login")
        .title("Last sign-in")
        .read_only(),
];

impl ModelSpec {
    /// Returns the specification of the users model, with these roles as choices.
    pub(crate) fn users(roles: &Roles) -> Self {
        let roles = roles.titles();
        let owned = |(name, title): (&str, &str)| (name.to_owned(), title.to_owned());
        let (roles, sources) = (roles.map(owned), RoleSource::titles().map(owned));
        Self {
            source: crate::source!(User),
            name: MODEL,
            table: "portal_users",
            title: "User",
            plural: "Users",
            description: "Everyone who has signed in at least once.",
            options: ModelOptions {
                list: &[
                    "email",
                    "user_type",
                    "is_active",
                    "last_login",
                    "created_at",
                ],
                search: &["email", "first_name", "last_name"],
                order_by: &[("created_at", true)],
                read_only: false,
            },
            fields: FIELDS,
            computed: ComputedFields::none(),
            children: &[],
            policy: ModelPolicy::new(Access::Admin)
                .deny(Operation::Create)
                .deny(Operation::Delete),
            nav: None,
            owner: TableOwner::Portal,
            table_options: TableOptions::new(),
            version: RowVersion::Timestamp("updated_at"),
            deleted: Some("deleted_at"),
            choices: BTreeMap::from([
                ("user_type", roles.collect()),
                ("role_source", sources.collect()),
            ]),
            check: |mut values| {
                let mut row = Vec::new();
                for field in FIELDS {
                    row.push(match field.name {
                        "id" => values.take::<Uuid>(field).map(|it| it.to_value()),
                        "is_active" => values.take::<bool>(field).map(|it| it.to_value()),
                        "role_source" => {
                            values.take::<Option<String>>(field).map(|it| it.to_value())
                        }
                        "created_at" | "last_login" => values
                            .take::<Option<DateTime<Utc>>>(field)
                            .map(|it| it.to_value()),
                        _ => values.take::<String>(field).map(|it| it.to_value()),
                    });
                }
                let row: Option<Vec<Value>> = row.into_iter().collect();
                row.ok_or_else(|| values.into_errors())
            },
            hooks: None,
            actions: Vec::new(),
            key_query: KeyQuery::default(),
        }
    }
}

/// Changes to rows of the users model, according to the rules for accounts.
pub(crate) struct UserAccounts<'a> {
    auth: &'a Auth,
    roles: &'a Roles,
}

impl<'a> UserAccounts<'a> {
    pub(crate) fn new(auth: &'a Auth, roles: &'a Roles) -> Self {
        Self { auth, roles }
    }

    /// Changes the role and the status of a user. The last active administrator must keep both.
    pub(super) async fn change(
        &self,
        table: &ModelTable<'_>,
        model: &ModelView<'_>,
        present: &Record,
        given: RowValues,
        full: bool,
    ) -> Result<Record> {
        let is_known = |value: &Value| {
            value
                .as_str()
                .is_some_and(|it| self.roles.find(it).is_some())
        };
        let unknown_role = given.get("user_type").is_some_and(|value| !is_known(value));
        let mut checked = model.changed_row(&present.values, given, full);
        if unknown_role {
            let mut field_error = not_allowed(&model.choices(&USER_TYPE));
            field_error.pointer = "/user_type".to_owned();
            let mut errors = checked.err().unwrap_or_default();
            errors.retain(|other| other.pointer != field_error.pointer);
            errors.push(field_error);
            checked = Err(errors);
        }
        let row = checked.map_err(Error::invalid)?;
        // The change contains only the differences, because someone else may be changing the other
        // field.
        let differs = |name: &str| row.get(name) != present.values.get(name);
        let is_active = row.get("is_active").and_then(Value::as_bool);
        let change = UserChange {
            role: self.role(&row).filter(|_| differs("user_type")),
            is_active: is_active.filter(|_| differs("is_active")),
            preferences: None,
        };
        let key = model.key_of(&present.values);
        let id: Uuid = key.parse().map_err(|_| row_not_found())?;
        let application = Actor::application();
        let actor = table.actor.unwrap_or(&application);
        let changed = self.auth.users.change(actor, id, &change).await;
        changed.map_err(|error| {
            let pointer = if change.is_active == Some(false) {
                "/is_active"
            } else {
                "/user_type"
            };
            match error.code() {
                "last_admin" => {
                    let field_error = FieldError::new(pointer, "last_admin", error.detail());
                    error.with_field_errors(vec![field_error])
                }
                _ => error,
            }
        })?;
        self.auth.forget_user(id);
        table.get(&key).await?.ok_or_else(row_not_found)
    }

    fn role(&self, row: &RowValues) -> Option<Role> {
        self.roles.find(row.get("user_type")?.as_str()?)
    }
}

/// Returns the name and the e-mail address of a user. If the name is empty, the address replaces
/// it.
pub(super) fn name_and_email(values: &RowValues) -> (String, String) {
    let text = |name: &str| values.get(name).and_then(Value::as_str).unwrap_or_default();
    let name = format!("{} {}", text("first_name"), text("last_name"));
    let email = text("email");
    let name = match name.trim() {
        "" => email,
        name => name,
    };
    (name.to_owned(), email.to_owned())
}
