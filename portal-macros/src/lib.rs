//! The attribute macros of Portal.
//!
//! Use them through `portal_core`, which re-exports all three. Each turns an item into a constructor
//! of its registered value, of the same name, and everything that it writes can be written by hand.
//! Inside, each macro goes the same way: `attr` reads its keys, `model` adds the item and checks both,
//! `expand` writes the code. All mistakes of one item are reported in one go.

mod admin_model;
mod docs;
mod errors;
mod guard;
mod handler;
mod keys;
mod names;
mod page;
mod paths;
mod size;
mod suggestion;
mod task;

use proc_macro::TokenStream;

/// Turns an `async fn` into a page of the portal.
///
/// The function becomes `fn name() -> Page`, so that its guard travels with it and other code can
/// say `users().url()`. Its arguments are axum extractors; one that reads the body stands last.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `"/route/{id}"` or `route = ".."` | where the page is | must be given |
/// | `title = ".."` | its title | first line of the docs, else the function's name |
/// | `description = ".."` | a longer text | the rest of the docs |
/// | `method = post` | `get`, `post`, `put`, `patch` or `delete` | `get` |
/// | `requires_auth` | only for who is signed in | everyone |
/// | `requires_admin` | only for administrators | everyone |
/// | `requires_role = ".."` | only for users of a role, and administrators | everyone |
/// | `requires_permission = ".."` | only for roles with a permission, and administrators | everyone |
/// | `nav(label = "..", icon = "..", order = 2, group = "..")` | an entry in the navigation | none |
/// | `layout = path` | draw it in another layout | the portal's |
/// | `max_body = "20MiB"` | maximum size of the request body | 1 MiB |
/// | `crate = path` | where `portal_core` is | `::portal_core` |
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

/// Turns an `async fn` into a background task that is stored, run by workers and monitored.
///
/// The function becomes `fn name() -> Task<Args, Output>`, the value that starts it. It takes
/// `TaskContext` first, then any number of `Data<_>`, then at most one struct of arguments, and
/// returns a result or a `Result` of one.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `state = ".."` | group: first part of its name | last segment of the module |
/// | `name = ".."` | second part of its name | the function's name |
/// | `title = ".."` | title in pages | first line of the docs, else the function's name |
/// | `requires_auth`, `requires_admin`, `requires_role = ".."`, `requires_permission = ".."` | access rule for starting it | anyone with a client token |
/// | `internal` | started from code only: the REST API and pages neither list nor start it | listed |
/// | `timeout = "5m"` | time limit of one attempt | none |
/// | `max_args = "256KiB"` | maximum size of the arguments as JSON (`B`, `KiB`, `MiB`) | 64 KiB |
/// | `retries = 3` | number of retries after a failure, a panic or a timeout | `0` |
/// | `backoff = "10s"` | pause before the first retry; each later one is twice as long, up to an hour, shortened at random by up to a half | `"1s"` |
/// | `on_crash = rerun` | `rerun` or `fail` after its process died | `rerun` |
/// | `concurrency = 2` | maximum number that runs at once, over all replicas | none |
/// | `priority = 10` | higher priorities start first | `0` |
/// | `unique` | starting it while a task with the same arguments is active returns that one | off |
/// | `schedule = "0 3 * * *"` | cron expression of five fields, or six that begin with seconds | none |
/// | `time_zone = "Europe/Berlin"` | time zone of the schedule | `UTC` |
/// | `notify = slow` | notifications of its owner: `never`, `failure`, `slow` (failures, and results that took long) or `always` | the portal's settings |
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

/// Gives a struct a table, forms, lists and an API in the admin.
///
/// The struct stays as it is and gets an `impl AdminModel`, which holds data only.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `name = ".."` | its name in the database and in URLs | the struct's name in `snake_case` |
/// | `title = ".."`, `plural = ".."` | how one and how many are called | from the struct's name |
/// | `list(a, b)` | the columns of its list | all but documents and long texts |
/// | `search(a)` | the fields a search looks at | every text |
/// | `order_by = -created_at` | the order of its list; `-` is newest first; `order_by(a, -b)` for several | by primary key |
/// | `readonly` | can be looked at only | can be changed |
/// | `requires_role = ".."`, `requires_permission = ".."` | who may open it besides administrators | nobody else |
/// | `validate` | run the `garde` rules of the struct | rules of the fields only |
/// | `crate = path` | where `portal_core` is | `::portal_core` |
///
/// A field takes `#[admin(..)]` with `primary_key`, `skip`, `readonly`, `unique`, `searchable`,
/// `label = ".."`, `help = ".."`, `choices("a", "b")`, `default = literal`, `widget = Textarea` and
/// `references = Model`. The field `id` is the key when none is marked.
///
/// ```ignore
/// use portal_core::prelude::*;
///
/// /// What a customer pays for
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
