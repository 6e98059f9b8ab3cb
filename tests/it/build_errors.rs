//! Build errors: a portal reports all of its problems at once before it starts.

use garde::Validate;
use portal_clerk::ClerkAuth;
use portal_core::admin::FieldValues;
use portal_core::auth::{CspDirective, Routes};
use portal_core::config::{Config, Settings};
use portal_core::pages::Requirement;
use portal_core::prelude::*;
use portal_core::{
    AdminModel, BuildError, FieldError, FieldSpec, ModelOptions, Source, Task, Widget, source,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::Plan;

// Pages are built by hand, because the portals in all other tests would discover items that a macro
// registers.

fn at(source: Source, path: &'static str) -> Page {
    Page::get(path, async || html! { "x" }).source(source)
}

fn one() -> Page {
    at(source!(one), "/same/{id}")
}

fn another() -> Page {
    at(source!(another), "/same/{name}")
}

fn hides_a_route() -> Page {
    at(source!(hides_a_route), "/healthz")
}

fn reserved() -> Task<NoArgs, u8> {
    Task::new(source!(reserved), "users", "reserved", |_, _, _| {
        Box::pin(async { Ok(0) })
    })
}

struct Missing;

fn wants() -> Task<NoArgs, u8> {
    Task::new(source!(wants), "wants", "wants", |_, _, _| {
        Box::pin(async { Ok(0) })
    })
    .depends_on::<Data<Missing>>()
}

fn uses_handles() -> Task<NoArgs, u8> {
    Task::new(source!(uses_handles), "wants", "handles", |_, _, _| {
        Box::pin(async { Ok(0) })
    })
    .depends_on::<Data<Models>>()
    .depends_on::<Data<Tasks>>()
    .depends_on::<Data<Config>>()
}

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct Wanted {
    #[garde(skip)]
    name: String,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct Optional {
    #[garde(skip)]
    #[serde(default)]
    name: String,
}

fn no_cron() -> Task<Wanted, u8> {
    Task::new(source!(no_cron), "plan", "no_cron", |_, _, _| {
        Box::pin(async { Ok(0) })
    })
    .schedule("0 3 * *")
    .time_zone("Europe/Berln")
}

fn never() -> Task<NoArgs, u8> {
    Task::new(source!(never), "plan", "never", |_, _, _| {
        Box::pin(async { Ok(0) })
    })
    .schedule("0 0 30 2 *")
}

fn zone_alone() -> Task<NoArgs, u8> {
    Task::new(source!(zone_alone), "plan", "zone_alone", |_, _, _| {
        Box::pin(async { Ok(0) })
    })
    .time_zone("Europe/Berlin")
}

fn yearly() -> Task<Optional, u8> {
    Task::new(source!(yearly), "plan", "yearly", |_, _, _| {
        Box::pin(async { Ok(0) })
    })
    .schedule("@yearly")
}

fn builder() -> PortalBuilder {
    let settings = Settings::from_pairs([("APP_ENV", "DEV"), ("DB_LOCAL_URI", "sqlite::memory:")]);
    let config = Config::from_settings(settings).expect("the settings are valid");
    Portal::builder().config(config).auth(ClerkAuth::new())
}

async fn problems(builder: PortalBuilder) -> Vec<String> {
    match builder.build().await {
        Err(BuildError::Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
        Err(other) => vec![format!("not a list: {other}")],
        Ok(portal) => {
            portal.shutdown().await;
            Vec::new()
        }
    }
}

fn mentions(problem: &str, words: &[&str]) -> bool {
    words.iter().all(|word| problem.contains(word))
}

#[tokio::test]
async fn one_error_lists_all_problems() {
    let builder = builder()
        .page(one)
        .page(another)
        .page(hides_a_route)
        .task(reserved)
        .task(wants)
        .admin_model::<Plan>()
        .default_records("plan:\n  - name: a\n    weight: 5\nnothing:\n  - name: b\n");
    let text = match builder.build().await {
        Err(error @ BuildError::Problems(_)) => error.to_string(),
        other => panic!("expected problems: {other:?}"),
    };
    for words in [
        &[
            "/same/{",
            "build_errors::one",
            "build_errors::another",
            "build_errors.rs:",
        ][..],
        &["/healthz", "hides_a_route"],
        &["reserved", "`users`", "build_errors.rs:"],
        &["wants", "build_errors::Missing>`", ".data(value)"],
        &["weight"],
        &["nothing"],
    ] {
        assert!(mentions(&text, words), "{words:?} in {text}");
    }
    assert!(text.starts_with("failed to start the portal: "), "{text}");
}

#[tokio::test]
async fn all_problems_of_a_schedule_are_listed() {
    let found = problems(builder().task(no_cron).task(never).task(zone_alone)).await;
    let expected = [
        &["no_cron", "`0 3 * *`", "not a cron expression"][..],
        &["no_cron", "`Europe/Berln`", "unknown"],
        &["no_cron", "`{}`", "`/name`", "#[serde(default)]"],
        &["never", "`0 0 30 2 *`", "never fires"],
        &["zone_alone", "no schedule"],
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (problem, words) in found.iter().zip(expected) {
        assert!(mentions(problem, words), "{words:?} in {problem}");
        assert!(mentions(problem, &["build_errors.rs:"]), "{problem}");
    }
    assert_eq!(problems(builder().task(yearly)).await, Vec::<String>::new());
}

#[tokio::test]
async fn page_added_twice_is_registered_once() {
    let plugin = || Plugin::new().page(one);
    let builder = builder().page(one).plugin(plugin()).plugin(plugin());
    assert_eq!(problems(builder).await, Vec::<String>::new());
}

#[tokio::test]
async fn provided_values_are_not_reported_as_missing() {
    let given = builder().task(wants).data(Missing);
    assert_eq!(problems(given).await, Vec::<String>::new());
    let framework = builder().task(uses_handles);
    assert_eq!(problems(framework).await, Vec::<String>::new());
}

fn page_at(path: &'static str) -> Page {
    at(source!(page_at), path)
}

#[tokio::test]
async fn invalid_page_path_is_a_problem_without_a_panic() {
    for (page, address) in [
        ((|| page_at("no-slash")) as fn() -> Page, "no-slash"),
        (|| page_at("/a/{open"), "/a/{open"),
        (|| page_at("/a/{}"), "/a/{}"),
        (|| page_at("/a/:id"), "/a/:id"),
        (|| page_at("/a/{*rest}/b"), "/a/{*rest}/b"),
    ] {
        let found = problems(builder().page(page)).await;
        assert_eq!(found.len(), 1, "{address}: {found:?}");
        assert!(mentions(&found[0], &[address, "page_at"]), "{found:?}");
    }
}

fn reads_missing_data() -> Page {
    at(source!(reads_missing_data), "/missing").depends_on::<Data<Missing>>()
}

#[tokio::test]
async fn page_with_missing_data_is_a_problem() {
    let found = problems(builder().page(reads_missing_data)).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let words = [
        "page",
        "reads_missing_data",
        "Missing>`",
        "build_errors.rs:",
        ".data(value)",
    ];
    assert!(mentions(&found[0], &words), "{found:?}");
    let given = builder().page(reads_missing_data).data(Missing);
    assert_eq!(problems(given).await, Vec::<String>::new());
}

fn requires_invalid_assets() -> Page {
    at(source!(requires_invalid_assets), "/map")
        .requires(Requirement::stylesheet("map.css"))
        .requires(Requirement::csp_source(
            CspDirective::Script,
            "*; object-src *",
        ))
}

#[tokio::test]
async fn invalid_page_requirement_is_a_problem() {
    let found = problems(builder().page(requires_invalid_assets)).await;
    assert_eq!(found.len(), 2, "{found:?}");
    let name = "requires_invalid_assets";
    assert!(mentions(
        &found[0],
        &[name, "`map.css`", "build_errors.rs:"]
    ));
    assert!(mentions(&found[1], &[name, "`*; object-src *`"]));
}

#[tokio::test]
async fn second_value_of_a_data_type_is_a_problem() {
    let twice = builder().data(Missing).data(Missing);
    let found = problems(twice).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        mentions(&found[0], &["two values", "Missing`"]),
        "{found:?}"
    );
    assert_eq!(found[0].matches("build_errors.rs:").count(), 2, "{found:?}");
    let of_the_portal = builder().data(Config::default());
    let found = problems(of_the_portal).await;
    assert!(
        mentions(&found[0], &["Config`", "provides itself"]),
        "{found:?}"
    );
}

#[tokio::test]
async fn excluding_an_unknown_page_is_a_problem() {
    let found = problems(builder().without_page("portal_core::admin::pages::usres")).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        mentions(&found[0], &["does not name a page", "did you mean"]),
        "{found:?}"
    );
}

#[tokio::test]
async fn unknown_icon_is_a_problem() {
    let entry = NavItem::new("Deals").icon("handshake");
    let found = problems(builder().nav(|nav| {
        nav.link(entry, "/deals", Access::Public);
    }))
    .await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        mentions(&found[0], &["/deals", "`handshake`", "did you mean"]),
        "{found:?}"
    );
}

#[tokio::test]
async fn page_under_a_reserved_prefix_is_a_problem() {
    for (page, prefix) in [
        ((|| page_at("/api/prices")) as fn() -> Page, "`/api/`"),
        (|| page_at("/_portal/x"), "`/_portal/`"),
    ] {
        let found = problems(builder().page(page)).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(mentions(&found[0], &["page_at", prefix]), "{found:?}");
    }
}

#[tokio::test]
async fn overlapping_routes_are_problems_with_both_sources() {
    use axum::routing::get;
    let router = || axum::Router::new().route("/same/{key}", get(async || "x"));
    let found = problems(builder().page(one).merge_router(router())).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let words = [
        "`GET /same/{id}`",
        "build_errors::one",
        "`.merge_router(..)`",
    ];
    assert!(mentions(&found[0], &words), "{found:?}");

    let declared = Routes::new().get("/same/{key}", Access::Public, async || "x");
    let found = problems(builder().page(one).routes(declared)).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        mentions(&found[0], &["`GET /same/{key}`", "build_errors::one"]),
        "{found:?}"
    );
    assert_eq!(found[0].matches("build_errors.rs:").count(), 2, "{found:?}");

    let found = problems(builder().merge_router(router()).merge_router(router())).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let of_builtin = axum::Router::new().route("/healthz", get(async || "x"));
    let found = problems(builder().merge_router(of_builtin)).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        mentions(&found[0], &["/healthz", "a route of the portal"]),
        "{found:?}"
    );
}

#[derive(Default)]
struct Oddity {
    id: i64,
    size: i32,
    weight: i32,
    is_open: bool,
}

impl AdminModel for Oddity {
    const SOURCE: Source = source!(Oddity);
    const NAME: &'static str = "oddity";
    const TITLE: &'static str = "Oddity";
    const PLURAL: &'static str = "Oddities";
    const DESCRIPTION: &'static str = "";
    const OPTIONS: ModelOptions = ModelOptions {
        list: &[],
        search: &["weight"],
        order_by: &[],
        read_only: false,
    };
    const FIELDS: &'static [FieldSpec] = &[
        FieldSpec::new::<i64>("id").primary_key(),
        FieldSpec::new::<i32>("size").choices(&["1", "2"]),
        FieldSpec::new::<i32>("weight"),
        FieldSpec::new::<bool>("is_open").widget(Widget::Textarea),
    ];

    fn to_values(&self) -> Vec<serde_json::Value> {
        vec![
            self.id.into(),
            self.size.into(),
            self.weight.into(),
            self.is_open.into(),
        ]
    }

    fn from_values(_: FieldValues) -> Result<Self, Vec<FieldError>> {
        Ok(Self::default())
    }
}

#[tokio::test]
async fn model_options_without_effect_are_problems() {
    let found = problems(builder().admin_model::<Oddity>()).await;
    assert_eq!(found.len(), 3, "{found:?}");
    for words in [
        &["`choices`", "oddity.size"][..],
        &["`widget`", "oddity.is_open"],
        &["`search(weight)`", "oddity.weight"],
    ] {
        assert!(found.iter().any(|it| mentions(it, words)), "{found:?}");
    }
}

#[tokio::test]
async fn invalid_yaml_defaults_are_a_problem() {
    let builder = builder().admin_model::<Plan>().default_records("plan: [");
    let found = problems(builder).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("default"), "{found:?}");
}
