//! Model registry: all models of a portal.

use super::children::ChildSpec;
use super::field::FieldSpec;
use super::field_type::{KeySource, Widget};
use super::join_table::JoinTable;
use super::on_delete::OnDelete;
use super::policy::Operation;
use super::row_version::{ROW_VERSION, RowVersion};
use super::spec::{ModelSpec, TableOwner};
use crate::auth::Access;
use crate::store::schema::ColumnType;

/// Maximum length of a name; PostgreSQL truncates longer names.
const NAME_LENGTH: usize = 63;

/// Names that are paths below the settings.
const RESERVED: [&str; 1] = ["defaults"];

/// All models of a portal, ordered by title.
#[derive(Debug, Clone, Default)]
pub(crate) struct ModelRegistry {
    models: Vec<ModelSpec>,
}

impl ModelRegistry {
    /// Sorts models and returns their problems. Models with the same source count as one model.
    pub(crate) fn new(models: impl IntoIterator<Item = ModelSpec>) -> (Self, Vec<String>) {
        let mut registry = Self::default();
        let mut problems = Vec::new();
        for model in models {
            let same = |known: &&ModelSpec| known.name == model.name;
            match registry.models.iter().find(same) {
                Some(known) if known.source == model.source => {}
                Some(known) => problems.push(format!(
                    "two admin models are named `{}`: {} and {}; rename one of them with `name`",
                    model.name,
                    place(known),
                    place(&model)
                )),
                None => registry.models.push(model),
            }
        }
        registry
            .models
            .sort_by(|a, b| (a.title, a.name).cmp(&(b.title, b.name)));
        for model in &registry.models {
            check_model(model, &mut problems);
            registry.check_references(model, &mut problems);
            registry.check_join_tables(model, &mut problems);
            let children = model.children.iter();
            problems.extend(children.filter_map(|it| child_problem(model, *it, &registry)));
        }
        if problems.is_empty()
            && let Err(names) = registry.creation_order()
        {
            problems.push(format!(
                "the admin models {} form a reference cycle; remove one `references`",
                names.join(", ")
            ));
        }
        (registry, problems)
    }

    /// Returns the model with a name.
    pub(crate) fn find(&self, name: &str) -> Option<&ModelSpec> {
        self.models.iter().find(|model| model.name == name)
    }

    /// Returns the fields of all models that refer to a model, each with its model.
    pub(crate) fn referring<'a>(
        &'a self,
        target: &'a str,
    ) -> impl Iterator<Item = (&'a ModelSpec, &'static FieldSpec)> {
        self.models.iter().flat_map(move |model| {
            let fields = model.fields.iter();
            let referring = fields.filter(move |field| field.references == Some(target));
            referring.map(move |field| (model, field))
        })
    }

    /// Returns the fields of all models that refer to a model by one key or by a list of keys, each
    /// with its model.
    pub(crate) fn related<'a>(
        &'a self,
        target: &'a str,
    ) -> impl Iterator<Item = (&'a ModelSpec, &'static FieldSpec)> {
        self.models.iter().flat_map(move |model| {
            let fields = model.fields.iter();
            let related = fields.filter(move |field| field.target() == Some(target));
            related.map(move |field| (model, field))
        })
    }

    /// Returns the join tables with rows of a model on either side; `true` if the model has the
    /// field, and `false` if its rows are listed in the field.
    pub(crate) fn join_tables<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = (JoinTable<'a>, bool)> {
        let fields = self.models.iter().flat_map(|model| {
            let fields = model.many_to_many();
            fields.filter_map(|field| JoinTable::of(model, field, self))
        });
        fields.flat_map(move |table| {
            let own = (table.owner.name == name).then_some((table, true));
            let other = (table.target.name == name).then_some((table, false));
            own.into_iter().chain(other)
        })
    }

    /// Returns the rule of the settings page: access to at least one of its tabs.
    pub(crate) fn settings_access(&self) -> Access {
        any_access(self.models.iter().filter(|model| model.nav.is_none()))
    }

    /// Returns the rule for requests about models in general: access to at least one model.
    pub(crate) fn access(&self) -> Access {
        any_access(&self.models)
    }

    /// Returns all models, ordered by title.
    pub(crate) fn models(&self) -> &[ModelSpec] {
        &self.models
    }

    /// Returns the models except those of the portal, each after the models that it refers to. Fails
    /// with the names of the models that form a reference cycle.
    pub(crate) fn creation_order(&self) -> Result<Vec<&ModelSpec>, Vec<String>> {
        let own = |model: &&ModelSpec| model.owner != TableOwner::Portal;
        let mut waiting: Vec<&ModelSpec> = self.models.iter().filter(own).collect();
        let mut ordered: Vec<&ModelSpec> = Vec::new();
        while !waiting.is_empty() {
            let (ready, rest): (Vec<_>, Vec<_>) = waiting.iter().copied().partition(|model| {
                let targets = model.fields.iter().filter_map(|field| field.references);
                targets
                    .filter(|target| *target != model.name)
                    .all(|target| !waiting.iter().any(|other| other.name == target))
            });
            if ready.is_empty() {
                return Err(rest
                    .iter()
                    .map(|model| format!("`{}`", model.name))
                    .collect());
            }
            ordered.extend(ready);
            waiting = rest;
        }
        Ok(ordered)
    }

    fn check_join_tables(&self, model: &ModelSpec, problems: &mut Vec<String>) {
        for field in model.many_to_many() {
            let name = format!("{}.{}", model.name, field.name);
            if model.owner != TableOwner::Model {
                problems.push(format!(
                    "`{name}` requires a table of the portal; remove `managed = false` from the model, or the field"
                ));
            }
            let Some(table) = JoinTable::of(model, field, self) else {
                problems.push(format!(
                    "`{name}` lists rows of the model `{}`, which is not registered; add it with `.admin_model::<..>()`",
                    field.many_to_many.unwrap_or_default()
                ));
                continue;
            };
            let table = table.name();
            let others = self.models.iter().flat_map(|other| {
                let fields = other.many_to_many();
                fields.map(move |field| (other, field))
            });
            let same = others.filter(|(other, it)| {
                JoinTable::of(other, it, self).is_some_and(|it| it.name() == table)
            });
            if same.count() > 1 {
                problems.push(format!(
                    "the join table of `{name}` has the same name, `{table}`, as that of another field; rename one of them"
                ));
            }
            if self.models.iter().any(|it| it.table == table) {
                problems.push(format!(
                    "the join table of `{name}` has the same name as the model `{table}`; rename one of them"
                ));
            }
        }
    }

    fn check_references(&self, model: &ModelSpec, problems: &mut Vec<String>) {
        for field in model.fields {
            let Some(target) = field.references else {
                continue;
            };
            match self.find(target) {
                None => problems.push(format!(
                    "`{}.{}` refers to the model `{target}`, which is not registered; add it with `.admin_model::<..>()`",
                    model.name, field.name
                )),
                Some(target) if field.kind.name() != target.key().kind.name() => problems.push(format!(
                    "`{}.{}` refers to `{}`, whose key has a different type",
                    model.name, field.name, target.name
                )),
                Some(_) => {}
            }
        }
    }
}

/// Returns the problem of children that are edited in the form of a model, if there is one.
fn child_problem(model: &ModelSpec, child: ChildSpec, registry: &ModelRegistry) -> Option<String> {
    let written = format!("`children` of `{}`", model.name);
    let Some(found) = registry.find(child.model) else {
        return Some(format!(
            "{written} names the model `{}`, which is not registered; add it with `.admin_model::<..>()`",
            child.model
        ));
    };
    let field = found.field(child.field);
    if field.is_none_or(|field| field.references != Some(model.name)) {
        return Some(format!(
            "{written} requires that `{}.{}` refers to `{}`; add `references` to the field, or name another one",
            child.model, child.field, model.name
        ));
    }
    if model.field("children").is_some() {
        return Some(format!(
            "{written} has the same name in the API as the field `children`; rename the field"
        ));
    }
    let mut others = model.children.iter().filter(|it| it.model == child.model);
    let is_repeated = others.next() != Some(&child) || others.next().is_some();
    is_repeated.then(|| {
        format!(
            "{written} names `{}` twice; remove one of them",
            child.model
        )
    })
}

/// Returns the rule that grants access to everyone who may view one of the models.
fn any_access<'a>(models: impl IntoIterator<Item = &'a ModelSpec>) -> Access {
    let mut any = vec![Access::Admin];
    for model in models {
        let access = model.policy.view_access();
        if !any.contains(&access) {
            any.push(access);
        }
    }
    match any.as_slice() {
        [only] => only.clone(),
        _ => Access::AnyOf(any),
    }
}

fn place(model: &ModelSpec) -> String {
    format!(
        "`{}` ({}:{})",
        model.source, model.source.file, model.source.line
    )
}

/// Returns `true` if a rule does not restrict access to selected users.
fn is_open(access: &Access) -> bool {
    match access {
        Access::Public | Access::User => true,
        Access::Admin | Access::Role(_) | Access::Permission(_) => false,
        Access::AnyOf(any) => any.iter().any(is_open),
    }
}

fn check_model(model: &ModelSpec, problems: &mut Vec<String>) {
    let name = model.name;
    let mut problem = |text: String| problems.push(format!("{text}, in {}", place(model)));
    if !is_word(name) {
        problem(format!(
            "invalid admin model name `{name}`; use `a-z`, `0-9` and `_`, starting with a letter"
        ));
    }
    if let Some(access) = model.policy.operation_rules().find(|it| is_open(it)) {
        problem(format!(
            "the admin model `{name}` is open to everyone (`{access}`); require a role or a permission"
        ));
    }
    for action in model.policy.ruled_actions() {
        if !model.actions.iter().any(|it| it.name == action) {
            problem(format!(
                "the policy of the admin model `{name}` has a rule for `{action}`, which is not one of its actions"
            ));
        }
    }
    for field in model.policy.ruled_fields() {
        match model.field(field) {
            None => problem(format!(
                "the policy of the admin model `{name}` has a rule for `{field}`, which is not one of its fields"
            )),
            Some(field) if field.primary_key => problem(format!(
                "the primary key `{name}.{}` is visible in every row and never changes; remove its rules",
                field.name
            )),
            Some(_) => {}
        }
    }
    if RESERVED.contains(&name) {
        problem(format!(
            "the admin model name `{name}` is part of a path of the portal; set another one with `name`"
        ));
    }
    let is_own = model.owner != TableOwner::Portal;
    for prefix in ["portal_", "sqlite_", "pg_"] {
        if is_own && name.starts_with(prefix) {
            problem(format!(
                "the admin model name `{name}` starts with the reserved prefix `{prefix}`"
            ));
        }
    }
    let keys: Vec<&FieldSpec> = model.fields.iter().filter(|f| f.primary_key).collect();
    match keys.as_slice() {
        [] => problem(format!(
            "the admin model `{name}` has no primary key; mark one field with `#[admin(primary_key)]`"
        )),
        [key] => {
            let can_be_key = match key.kind.key_source() {
                Some(KeySource::Creator) => !key.nullable,
                source => source.is_some(),
            };
            if !can_be_key {
                problem(format!(
                    "the primary key `{name}.{}` must be a whole number, a UUID or text",
                    key.name
                ));
            }
        }
        _ => problem(format!(
            "the admin model `{name}` has more than one primary key"
        )),
    }
    check_table(model, &mut problem);
    for (index, field) in model.fields.iter().enumerate() {
        if model.fields[..index].iter().any(|it| it.name == field.name) {
            problem(format!(
                "the admin model `{name}` has two fields named `{}`",
                field.name
            ));
        }
        check_field(model, field, &mut problem);
    }
    for computed in model.computed.specs() {
        if model.field(computed.name).is_some() {
            problem(format!(
                "the admin model `{name}` has a field and a computed column named `{}`",
                computed.name
            ));
        }
    }
    let options = &model.options;
    let sorted = options.order_by.iter().map(|(field, _)| field);
    for field in options.list.iter().chain(options.search).chain(sorted) {
        let is_computed = model.computed.specs().iter().any(|it| it.name == *field);
        let may_be_computed = options.list.contains(field);
        if model.field(field).is_none() && !(is_computed && may_be_computed) {
            problem(format!(
                "the admin model `{name}` lists, searches or sorts by `{field}`, which is not one of its fields"
            ));
        }
    }
    for name in options.search {
        if model.field(name).is_some_and(|field| !field.kind.is_text()) {
            problem(format!(
                "`search({name})` has no effect on `{}.{name}`, which is not a text field; remove it",
                model.name
            ));
        }
    }
}

/// Checks the options of the table.
fn check_table(model: &ModelSpec, problem: &mut impl FnMut(String)) {
    let name = model.name;
    let options = &model.table_options;
    let lists = options.unique.iter().map(|list| ("unique", *list));
    let lists = lists.chain(options.index.iter().map(|list| ("index", *list)));
    for (key, list) in lists {
        let written = format!("{key}({})", list.join(", "));
        if list.len() < 2 {
            problem(format!(
                "`{written}` of the admin model `{name}` needs at least two fields; for one field, use `#[admin({key})]`"
            ));
        }
        for (index, column) in list.iter().enumerate() {
            let is_scalar = model.field(column).is_some_and(|it| it.kind.is_scalar());
            if !is_scalar || list[..index].contains(column) {
                problem(format!(
                    "`{written}` of the admin model `{name}` contains `{column}`, which is not a field with simple values, or is listed twice"
                ));
            }
        }
    }
    let former = model.fields.iter().filter_map(|field| field.renamed_from);
    for old in former.chain(options.renamed_from) {
        if !is_word(old) {
            problem(format!(
                "invalid former name `{old}` in the admin model `{name}`"
            ));
        }
        if model.field(old).is_some() {
            problem(format!(
                "the admin model `{name}` still has a field `{old}`, so no other field can be `renamed_from = \"{old}\"`"
            ));
        }
    }
    if options.managed && options.version.is_some() {
        problem(format!(
            "`version` has no effect on the admin model `{name}`; it requires `managed = false`"
        ));
    }
    if let Some(field) = options.version.and_then(|it| model.field(it)) {
        let is_counter = matches!(
            field.kind.column_type(),
            ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt
        );
        if !(is_counter || matches!(model.version, RowVersion::Timestamp(_))) || field.nullable {
            problem(format!(
                "`{name}.{}` cannot be the version of a row; use a required whole number or time",
                field.name
            ));
        } else if !field.read_only {
            problem(format!(
                "`{name}.{}` is the version of a row, which each write sets; mark it `readonly`",
                field.name
            ));
        }
    }
}

fn check_field(model: &ModelSpec, field: &FieldSpec, problem: &mut impl FnMut(String)) {
    let name = format!("{}.{}", model.name, field.name);
    let is_reserved = field.name == ROW_VERSION && model.owner == TableOwner::Model;
    if !is_word(field.name) || is_reserved {
        problem(format!(
            "invalid field name `{name}`; use `a-z`, `0-9` and `_`, starting with a letter, and not `row_version`"
        ));
    }
    if format!("{}_{}_key", model.name, field.name).len() > NAME_LENGTH {
        problem(format!(
            "the combined names of model and field in `{name}` are too long; shorten one of them"
        ));
    }
    if field.unique && !field.kind.is_scalar() {
        problem(format!("the document `{name}` must not be unique"));
    }
    if let Some(key) = key_without_effect(field) {
        problem(format!(
            "`{key}` has no effect on `{name}`, which is not a text field; remove it"
        ));
    }
    if field.many_to_many.is_some()
        && let Some(key) = key_of_column(field)
    {
        problem(format!(
            "`{key}` has no effect on `{name}`, which is not a column; remove it"
        ));
    }
    if field.on_delete != OnDelete::Restrict && field.references.is_none() {
        problem(format!(
            "`on_delete` has no effect on `{name}`, which is not a reference; remove it"
        ));
    }
    if field.on_delete == OnDelete::SetNull && !field.nullable {
        problem(format!(
            "`{name}` requires a value, so deletions cannot empty it; make it an `Option` or use another `on_delete`"
        ));
    }
    let creates = model.policy.access(Operation::Create).is_some();
    match field.default_value() {
        Err(error) => problem(format!("invalid default of `{name}`: {}", error.message)),
        Ok(Some(serde_json::Value::String(text)))
            if !field.choices.is_empty() && !field.choices.contains(&text.as_str()) =>
        {
            problem(format!("the default of `{name}` is not one of its choices"));
        }
        Ok(None) if field.is_generated() => {}
        Ok(None) if creates && field.read_only => {
            problem(format!(
                "`{name}` is read-only, so a new row needs a default for it; add one or make it an `Option`"
            ));
        }
        Ok(None) if creates && !model.policy.creators_set(field.name) => {
            problem(format!(
                "not everyone who adds rows may set `{name}`, so a new row needs a default for it; \
                 add one or make it an `Option`"
            ));
        }
        Ok(_) => {}
    }
}

/// Returns an option that is set on a field but has no effect on fields of its type.
fn key_without_effect(field: &FieldSpec) -> Option<&'static str> {
    if field.kind.is_text() {
        return None;
    }
    if !field.choices.is_empty() {
        Some("choices")
    } else if field.searchable {
        Some("searchable")
    } else if field.widget != Widget::Auto {
        Some("widget")
    } else {
        None
    }
}

/// Returns an option that is set on a field and requires a column.
fn key_of_column(field: &FieldSpec) -> Option<&'static str> {
    if field.references.is_some() {
        Some("references")
    } else if field.indexed {
        Some("index")
    } else if field.renamed_from.is_some() {
        Some("renamed_from")
    } else if field.default.is_some_and(|text| !text.is_empty()) {
        Some("default")
    } else {
        None
    }
}

/// Returns `true` if a name never needs quotes.
fn is_word(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::super::policy::ModelPolicy;
    use super::*;
    use crate::auth::Roles;

    #[test]
    fn model_open_to_everyone_is_rejected() {
        for (access, is_wrong) in [
            (Access::Public, true),
            (Access::User, true),
            (Access::AnyOf(vec![Access::Admin, Access::User]), true),
            (Access::role("editor"), false),
            (
                Access::AnyOf(vec![Access::role("a"), Access::permission("b")]),
                false,
            ),
        ] {
            let mut model = ModelSpec::users(&Roles::default());
            model.policy = ModelPolicy::new(access.clone()).deny(Operation::Create);
            let (_, problems) = ModelRegistry::new([model]);
            assert_eq!(!problems.is_empty(), is_wrong, "{access}: {problems:?}");
        }
    }
}
