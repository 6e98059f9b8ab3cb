//! Portal's attribute macros.
//!
//! Use them through `portal_core`, which re-exports all of them. The function macros replace a
//! function with a constructor that has the same name and returns the value to register; all
//! generated code can also be written by hand. Internally, each macro takes the same steps: `attr`
//! parses the keys, `model` combines them with the item and checks both, and `expand` generates
//! the code. All errors in one item are reported together.

mod action;
mod admin_choice;
mod admin_model;
mod docs;
mod errors;
mod guard;
mod handler;
mod keys;
mod migrations;
mod names;
mod nav;
mod page;
mod paths;
mod size;
mod suggestion;
mod task;

use proc_macro::TokenStream;

/// Turns an `async fn` into a page of the portal.
///
/// The function becomes `fn name() -> Page`, so the guard is part of the page and other code can
/// call `users().url()`. Its arguments are axum extractors; an extractor that reads the body must
/// come last.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `"/route/{id}"` or `route = ".."` | route of the page | required |
/// | `title = ".."` | title | first line of the docs, otherwise the function's name |
/// | `description = ".."` | text of `<meta name="description">` | the rest of the docs |
/// | `method = post` | `get`, `post`, `put`, `patch` or `delete` | `get` |
/// | `requires_auth` | only signed-in users | everyone |
/// | `requires_admin` | only administrators | everyone |
/// | `requires_role = ".."` | only users with a role, and administrators | everyone |
/// | `requires_permission = ".."` | only users whose role has a permission, and administrators | everyone |
/// | `nav(label = "..", icon = "..", order = 2, group = "..")` | entry in the navigation | none |
/// | `layout = path` | a different layout for the page | the portal's |
/// | `max_body = "20MiB"` | maximum size of the request body | 1 MiB |
/// | `rate_class = own_write` | rate class: `sign_in`, `client_token`, `start_task`, `admin_write` or `own_write` | no limit |
/// | `crate = path` | path of `portal_core` | `::portal_core` |
///
/// ```ignore
/// use portal_core::prelude::*;
///
/// /// Your profile
/// #[page("/profile", requires_auth, nav(icon = "user", order = 2))]
/// async fn profile(user: CurrentUser) -> Markup {
///     html! { p { "Signed in as " (user.email()) } }
/// }
/// ```
#[proc_macro_attribute]
pub fn page(attribute: TokenStream, item: TokenStream) -> TokenStream {
    page::page(attribute.into(), item.into()).into()
}

/// Turns an `async fn` into a background task that is stored, run by a worker and monitored.
///
/// The function becomes `fn name() -> Task<Args, Output>`, which you pass to `Tasks::enqueue`. It
/// takes a `TaskContext` first, then any number of `Data<_>`, then at most one struct of arguments,
/// and returns a value or a `Result`.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `group = ".."` | task group: first part of the name | last segment of the module |
/// | `name = ".."` | second part of the name | the function's name |
/// | `title = ".."` | title on pages | first line of the docs, otherwise the function's name |
/// | `requires_auth`, `requires_admin`, `requires_role = ".."`, `requires_permission = ".."` | access rule for enqueueing the task | any user, and anyone with a client token |
/// | `internal` | the task can be enqueued only from code; the REST API and pages neither list nor start it | off |
/// | `timeout = "5m"` | time limit of one attempt | none |
/// | `max_args = "256KiB"` | maximum size of the arguments as JSON (`B`, `KiB`, `MiB`) | 64 KiB |
/// | `retries = 3` | number of retries after a failure, a panic or a timeout | `0` |
/// | `backoff = "10s"` | delay before the first retry; doubles with each retry, up to an hour; jitter shortens it by up to half | `"1s"` |
/// | `on_crash = rerun` | action if the process of a running task dies: `rerun` or `fail` | `rerun` |
/// | `concurrency = 2` | maximum number of running tasks of this type across all replicas | none |
/// | `priority = 10` | tasks with a higher priority start first | `0` |
/// | `unique` | while a task with the same arguments is active, enqueueing returns that task | off |
/// | `schedule = "0 3 * * *"` | cron expression with five fields, or with six, the first of which is seconds | none |
/// | `time_zone = "Europe/Berlin"` | time zone of the schedule | `UTC` |
/// | `notify = slow` | notifications to the owner: `never`, `failure`, `slow` (failures and slow successes) or `always` | the portal's settings |
/// | `crate = path` | path of `portal_core` | `::portal_core` |
///
/// ```ignore
/// use portal_core::prelude::*;
///
/// #[derive(Serialize, Deserialize, JsonSchema, Validate)]
/// struct DigestArgs {
///     #[garde(email)]
///     to: String,
/// }
///
/// /// Send the weekly digest
/// #[monitored_background_task(timeout = "5m", requires_admin)]
/// async fn send_digest(task: TaskContext, mailer: Data<Mailer>, task_args: DigestArgs) -> Result<usize, MailError> {
///     task.update().progress(50).message("half way").await?;
///     mailer.send(&task_args.to).await
/// }
/// ```
#[proc_macro_attribute]
pub fn monitored_background_task(attribute: TokenStream, item: TokenStream) -> TokenStream {
    task::task(attribute.into(), item.into()).into()
}

/// Turns a struct into an admin model with a table, forms, lists and a REST API.
///
/// The struct itself is unchanged; the macro only adds an `impl AdminModel` and constants.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `name = ".."` | name in the database and in URLs | the struct's name in `snake_case` |
/// | `title = ".."`, `plural = ".."` | singular and plural title | from the struct's name |
/// | `list(a, b)` | columns of the list | the first six fields, except documents, lists, passwords and generated keys, and all computed columns |
/// | `search(a)` | searched fields, in addition to those marked `searchable` | all text fields |
/// | `order_by = -created_at` | order of the list; `-` means descending; `order_by(a, -b)` for several fields | by primary key |
/// | `computed(a, b)` | methods of the struct, such as `fn a(&self) -> i64`, whose values are shown as additional columns | none |
/// | `nav(label = "..", icon = "..", order = 2, group = "..")` | entry in the navigation, and a page outside the settings | a tab of the settings |
/// | `readonly` | rows can be viewed but not changed | rows can be changed |
/// | `requires_role = ".."`, `requires_permission = ".."` | users with access in addition to administrators | no one else |
/// | `view`, `create`, `change`, `delete`, `export`, `import`, `restore` | users who may perform the operation: `= "role:.."`, `= "permission:.."`, `= requires_admin`, or a list such as `("role:a", "role:b")` | `requires_role` or `requires_permission`, otherwise administrators |
/// | `scope = path` | function that returns the rows that a user may see: `async fn(&User, Data<..>, ..) -> Result<Scope<Self>>` | all rows |
/// | `validate` | also applies the struct's `garde` rules | only the rules of the fields apply |
/// | `unique(a, b)`, `index(a, b)` | no two rows have the same combination of values; an index on several fields; both can be repeated | none |
/// | `managed = false` | migrations of the application create and change the table | the portal creates and extends it |
/// | `version = ".."` | with `managed = false`: column that identifies the version of a row, a whole number or a time | the values of the row are compared |
/// | `renamed_from = ".."` | former name of the table, which `db diff` renames | none |
/// | `hooks` | runs the struct's `impl ModelHooks` with each change of a row | no hooks |
/// | `children(Model, by = field)` | rows of the other model that refer to the record by the field are edited in its form; can be repeated | none |
/// | `crate = path` | path of `portal_core` | `::portal_core` |
///
/// A field accepts `#[admin(..)]` with the keys `primary_key`, `skip`, `readonly`, `unique`,
/// `searchable`, `label = ".."`, `help = ".."`, `choices("a", "b")`, `default = literal`,
/// `widget = Textarea`, `references = Model`, `on_delete = restrict` (or `set_null`, `cascade`: the
/// effect of deleting the row to which the field refers), `index`, `renamed_from = ".."`, and `view`
/// and `change`, which narrow the rules of operations for the field. The field `id` is the primary
/// key if no field is marked.
///
/// The struct gets one constant per field for queries, with the name in upper case and the
/// visibility of the field: `Plan::PRICE`.
///
/// ```ignore
/// use portal_core::prelude::*;
///
/// /// A plan that customers pay for
/// #[admin_model(list(name, price), search(name), order_by = -price)]
/// struct Plan {
///     id: i64,
///     #[admin(unique)]
///     name: String,
///     /// In cents
///     price: i64,
///     #[admin(widget = Textarea)]
///     notes: String,
/// }
/// ```
#[proc_macro_attribute]
pub fn admin_model(attribute: TokenStream, item: TokenStream) -> TokenStream {
    admin_model::admin_model(attribute.into(), item.into()).into()
}

/// Turns an `async fn` into an action on rows of an admin model.
///
/// The function becomes `fn name() -> AdminAction`. It takes `Rows<Model>` first, then any number of
/// `Data<_>` and at most one struct of arguments, which derives `Deserialize` and `JsonSchema`, and
/// returns `Result<ActionReport>`. If the arguments also derive `garde::Validate`, their rules
/// apply.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `Model` | model on whose rows the action runs | required |
/// | `on(one, many, all)` | offers the action for one row, for selected rows, and for all rows that match the list's filter | `on(one, many)` |
/// | `name = ".."` | name in URLs and audit entries | the function's name |
/// | `title = ".."` | title on pages | first line of the docs, otherwise the function's name |
/// | `confirm = "Close {count} deals?"` | question that the user must confirm; `{count}` is the number of rows | only `all` must be confirmed |
/// | `danger` | marks the action as destructive | off |
/// | `background` | runs the action as a background task of the user | off |
/// | `requires_admin`, `requires_role = ".."`, `requires_permission = ".."` | users who may run the action | those who may change rows |
/// | `crate = path` | path of `portal_core` | `::portal_core` |
///
/// ```ignore
/// use portal_core::prelude::*;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct CloseArgs {
///     closed_on: NaiveDate,
/// }
///
/// /// Mark as won
/// #[admin_action(Deal, on(one, many, all), confirm = "Mark {count} deals as won?", requires_permission = "deals:close")]
/// async fn mark_won(rows: Rows<Deal>, args: CloseArgs) -> Result<ActionReport> {
///     rows.for_each(|deal| {
///         deal.stage = Stage::Won;
///         deal.closed_on = Some(args.closed_on);
///         Ok(())
///     })
///     .await
/// }
/// ```
#[proc_macro_attribute]
pub fn admin_action(attribute: TokenStream, item: TokenStream) -> TokenStream {
    action::action(attribute.into(), item.into()).into()
}

/// Makes an enum of unit variants a field type of admin models.
///
/// A variant is stored as its name in `snake_case`, and shown as the words of its name. On a
/// variant, `#[admin(value = "..")]` sets the stored text and `#[admin(label = "..")]` the label. On
/// the enum, `#[admin(crate = path)]` sets the path of `portal_core`.
///
/// ```ignore
/// use portal_core::prelude::*;
///
/// #[derive(AdminChoice)]
/// enum Stage {
///     New,
///     InReview,
///     #[admin(value = "ok", label = "Accepted")]
///     Done,
/// }
///
/// #[admin_model]
/// struct Application {
///     id: i64,
///     #[admin(default = "new")]
///     stage: Stage,
/// }
/// ```
#[proc_macro_derive(AdminChoice, attributes(admin))]
pub fn admin_choice(item: TokenStream) -> TokenStream {
    admin_choice::admin_choice(item.into()).into()
}

/// Embeds the migrations of a directory, which is relative to the crate's `Cargo.toml`.
///
/// A migration is a file such as `0001_customers.sql`, or one file for each database,
/// `0001_customers.sqlite.sql` and `0001_customers.postgres.sql`. Files with `.down.sql` instead of
/// `.sql` revert it. The crate needs a `build.rs` that prints
/// `cargo::rerun-if-changed=migrations`, so that a new file leads to a new build.
///
/// ```ignore
/// use portal_core::prelude::*;
///
/// let portal = Portal::builder().migrations(portal_core::migrations!("migrations"));
/// ```
#[proc_macro]
pub fn migrations(directory: TokenStream) -> TokenStream {
    migrations::migrations(directory.into()).into()
}
