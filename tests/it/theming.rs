//! Themes: defaults in code, the default theme set by administrators, and the user's choice.

use axum::extract::State;
use axum::http::request::Parts;
use portal_core::pages::theme::{Accent, Radius};
use portal_core::pages::{Brand, theme_settings};
use portal_core::prelude::*;
use portal_core::{BuildError, PortalBuilder};
use reqwest::Method;
use serde_json::json;

use crate::support::{
    Client, CookieClient, Database, TestResponse, TestServer, attributes, eventually, form, on_both,
};

on_both!(
    user_theme_precedes_default_theme_and_code,
    default_theme_reaches_every_replica,
    default_theme_requires_an_administrator_and_is_audited,
    concurrent_theme_changes_do_not_overwrite_each_other,
    change_by_another_administrator_is_kept,
    locked_settings_cannot_be_chosen,
    reset_restores_the_default_theme,
    rendering_the_theme_needs_no_database_query,
    ending_other_sessions_keeps_this_one,
);

/// Returns a page that is built by hand.
///
/// The portals in all other tests would discover a page that a macro registers.
fn look() -> Page {
    Page::get(
        "/look",
        async |State(state): State<PortalState>, parts: Parts| theme_settings(&state, &parts),
    )
}

fn build(theme: Theme) -> impl FnOnce(PortalBuilder) -> PortalBuilder {
    move |portal| crate::app::build(portal).page(look).theme(theme)
}

async fn start(database: Database, theme: Theme) -> TestServer {
    TestServer::start_with(database, &[], build(theme)).await
}

fn post(client: &Client, path: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    client
        .request(Method::POST, path)
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(fields))
}

/// Submits the form for the default theme.
async fn set(client: &Client, fields: &[(&str, &str)]) -> TestResponse {
    TestResponse::of(post(client, "/theme/portal", fields)).await
}

async fn choose(client: &Client, fields: &[(&str, &str)]) -> TestResponse {
    TestResponse::of(post(client, "/theme", fields)).await
}

/// Returns the value of a `data-` attribute on the root element.
fn shown(page: &TestResponse, name: &str) -> String {
    attributes(&page.text, "html", &format!("data-{name}"))
        .pop()
        .unwrap_or_default()
}

async fn accent(client: &Client) -> String {
    shown(&client.page("/").await, "accent")
}

async fn user_theme_precedes_default_theme_and_code(database: Database) {
    let code = Theme::default().accent(Accent::Jade).radius(Radius::Large);
    let server = start(database, code).await;
    let (guest, user, admin) = (server.guest(), server.user().await, server.admin().await);
    for client in [&guest, &user] {
        assert_eq!(accent(client).await, "jade");
    }
    let saved = set(
        &admin,
        &[("accent", "ruby"), ("version", "0"), ("return_to", "/look")],
    )
    .await;
    assert_eq!((saved.status.as_u16(), saved.location()), (303, "/look"));
    for client in [&guest, &user, &admin] {
        let page = client.page("/").await;
        assert_eq!(shown(&page, "accent"), "ruby");
        assert_eq!(
            shown(&page, "radius"),
            "large",
            "an unset value comes from code"
        );
    }
    assert_eq!(
        shown(&guest.page("/nowhere").await, "accent"),
        "ruby",
        "error pages have the theme too"
    );

    let mut browser = CookieClient::new(&server.url);
    browser.submit("/theme", &[("accent", "sky")]).await;
    let page = browser.page("/").await;
    assert_eq!(shown(&page, "accent"), "sky", "the cookie of a guest");
    choose(&user, &[("accent", "amber")]).await;
    assert_eq!(accent(&user).await, "amber");
    set(
        &admin,
        &[("accent", "pink"), ("radius", "none"), ("version", "1")],
    )
    .await;
    assert_eq!(accent(&guest).await, "pink");
    let page = user.page("/").await;
    assert_eq!(shown(&page, "accent"), "amber", "the user's choice");
    assert_eq!(shown(&page, "radius"), "none", "not chosen by the user");
    choose(&user, &[("accent", "")]).await;
    assert_eq!(accent(&user).await, "pink", "the default applies again");
    set(&admin, &[("accent", ""), ("radius", ""), ("version", "2")]).await;
    assert_eq!(accent(&guest).await, "jade");
    let again = server.start_again().await;
    assert_eq!(
        accent(&again.guest()).await,
        "indigo",
        "the default in code, which differs in this program"
    );
}

async fn default_theme_reaches_every_replica(database: Database) {
    let server = start(database, Theme::default()).await;
    let replica = server.replica().await;
    let admin = server.admin().await;
    set(&admin, &[("accent", "ruby"), ("version", "0")]).await;
    assert_eq!(
        accent(&server.guest()).await,
        "ruby",
        "takes effect immediately on this replica"
    );
    let guest = replica.guest();
    eventually("the replica shows it", async || {
        (accent(&guest).await == "ruby").then_some(())
    })
    .await;
    let again = server.start_again().await;
    assert_eq!(
        accent(&again.guest()).await,
        "ruby",
        "the theme survives a restart"
    );
}

async fn default_theme_requires_an_administrator_and_is_audited(database: Database) {
    let server = start(database, Theme::default()).await;
    let (user, admin) = (server.user().await, server.admin().await);
    let fields = [("accent", "ruby"), ("version", "0")];
    assert_eq!(set(&user, &fields).await.status, 403);
    assert_eq!(set(&server.guest(), &fields).await.status, 401);
    assert_eq!(accent(&user).await, "indigo");
    assert!(!user.page("/look").await.text.contains("/theme/portal"));
    let page = admin.page("/look").await;
    assert_eq!(
        attributes(&page.text, "form[action='/theme/portal']", "method"),
        ["post"]
    );

    // An unknown value changes nothing.
    set(
        &admin,
        &[("accent", "ruby"), ("radius", "huge"), ("version", "0")],
    )
    .await;
    set(
        &admin,
        &[("accent", "ruby"), ("locked", "true"), ("version", "1")],
    )
    .await;
    let log = admin
        .get("/api/admin/audit?target=settings:theme")
        .await
        .json();
    let entries = log["items"].as_array().expect("value is a list");
    assert_eq!(entries.len(), 2, "{log}");
    assert_eq!(entries[0]["actor"]["email"], crate::support::ADMIN);
    let change = |entry: usize| entries[entry]["details"]["changes"].clone();
    assert_eq!(
        change(1),
        json!([{"field": "accent", "old": null, "new": "ruby"}])
    );
    assert_eq!(
        change(0),
        json!([{"field": "locked", "old": null, "new": true}])
    );

    // The administrator's own theme becomes the default for everyone.
    choose(&admin, &[("appearance", "dark")]).await;
    set(&admin, &[("mine", "true"), ("version", "2")]).await;
    let page = server.guest().page("/").await;
    assert_eq!(shown(&page, "appearance"), "dark");
    assert_eq!(shown(&page, "accent"), "ruby");
}

async fn concurrent_theme_changes_do_not_overwrite_each_other(database: Database) {
    let server = start(database, Theme::default()).await;
    let admin = server.admin().await;
    let (one, other) = tokio::join!(
        set(&admin, &[("accent", "ruby"), ("version", "0")]),
        set(
            &admin,
            &[("accent", "sand"), ("gray", "sand"), ("version", "0")]
        ),
    );
    assert_eq!((one.status.as_u16(), other.status.as_u16()), (303, 303));
    let flash = |response: &TestResponse| response.header("set-cookie").to_owned();
    let refused = [&one, &other].map(|it| flash(it).contains("portal_flash=e"));
    assert_eq!(refused.iter().filter(|it| **it).count(), 1, "{refused:?}");
    let log = admin
        .get("/api/admin/audit?target=settings:theme")
        .await
        .json();
    assert_eq!(log["items"].as_array().map(Vec::len), Some(1));
    let late = set(&admin, &[("accent", "lime"), ("version", "0")]).await;
    assert!(flash(&late).contains("portal_flash=e"), "{}", flash(&late));
    assert_ne!(accent(&server.guest()).await, "lime");
}

async fn change_by_another_administrator_is_kept(database: Database) {
    let server = start(database, Theme::default()).await;
    let admin = server.admin().await;
    let settings = [("accent", "ruby"), ("gray", "sand")];
    let forms = settings.map(|setting| [setting, ("version", "0")]);
    let (one, other) = tokio::join!(set(&admin, &forms[0]), set(&admin, &forms[1]));
    // One of the changes is rejected; send it again, with the version from the page that shows the
    // other change.
    let refused = [one, other].map(|it| it.header("set-cookie").contains("portal_flash=e"));
    let again = refused
        .iter()
        .position(|it| *it)
        .expect("one change is rejected");
    let page = admin.page("/look").await;
    let version = attributes(&page.text, "form input[name=version]", "value");
    assert_eq!(version, ["1"]);
    set(&admin, &[settings[again], ("version", "1")]).await;
    let page = server.guest().page("/").await;
    let shown_theme = || (shown(&page, "accent"), shown(&page, "gray"));
    assert_eq!(
        shown_theme(),
        ("ruby".to_owned(), "sand".to_owned()),
        "both changes are kept"
    );

    // The form comes from a replica with a newer state than this one.
    let changed = server
        .sql(
            "UPDATE portal_settings SET version = 3, \
             value = '{\"accent\": \"jade\", \"locked\": true}'"
                .to_owned(),
        )
        .await;
    assert_eq!(changed, 1);
    set(&admin, &[("radius", "none"), ("version", "3")]).await;
    let page = admin.page("/look").await;
    assert_eq!(shown(&page, "accent"), "jade");
    assert_eq!(shown(&page, "radius"), "none");
    let lock = attributes(&page.text, "#portal-locked option[selected]", "value");
    assert_eq!(lock, ["true"]);
}

async fn locked_settings_cannot_be_chosen(database: Database) {
    let server = start(database, Theme::default().accent(Accent::Jade).locked()).await;
    let (user, admin) = (server.user().await, server.admin().await);
    choose(
        &user,
        &[
            ("accent", "ruby"),
            ("radius", "full"),
            ("appearance", "dark"),
        ],
    )
    .await;
    let page = user.page("/look").await;
    assert_eq!(
        (
            shown(&page, "accent").as_str(),
            shown(&page, "radius").as_str()
        ),
        ("jade", "medium")
    );
    assert_eq!(
        shown(&page, "appearance"),
        "dark",
        "the appearance stays the user's choice"
    );
    assert!(
        attributes(
            &page.text,
            "form[data-theme-form] input[name=accent]",
            "value"
        )
        .is_empty()
    );
    // The lock does not apply when administrators set the default theme.
    set(&admin, &[("accent", "pink"), ("version", "0")]).await;
    assert_eq!(accent(&user).await, "pink");
    set(
        &admin,
        &[("accent", "pink"), ("locked", "false"), ("version", "1")],
    )
    .await;
    assert_eq!(accent(&user).await, "ruby", "the user's choice is not lost");
}

async fn reset_restores_the_default_theme(database: Database) {
    let server = start(database, Theme::default().accent(Accent::Jade)).await;
    let user = server.user().await;
    choose(&user, &[("accent", "ruby"), ("appearance", "dark")]).await;
    let response = choose(
        &user,
        &[("accent", "ruby"), ("reset", "all"), ("return_to", "/look")],
    )
    .await;
    assert_eq!(response.location(), "/look");
    let page = user.page("/").await;
    assert_eq!(shown(&page, "accent"), "jade");
    assert_eq!(shown(&page, "appearance"), "inherit");

    let mut browser = CookieClient::new(&server.url);
    browser.submit("/theme", &[("accent", "ruby")]).await;
    assert!(browser.cookies.contains_key("portal_theme"));
    browser.submit("/theme", &[("reset", "all")]).await;
    assert!(
        !browser.cookies.contains_key("portal_theme"),
        "the cookie is gone"
    );
    assert_eq!(shown(&browser.page("/").await, "accent"), "jade");
}

async fn rendering_the_theme_needs_no_database_query(database: Database) {
    let server = start(database, Theme::default()).await;
    let (user, admin) = (server.user().await, server.admin().await);
    set(&admin, &[("accent", "ruby"), ("version", "0")]).await;
    assert_eq!(accent(&user).await, "ruby");
    server
        .sql("ALTER TABLE portal_settings RENAME TO gone".to_owned())
        .await;
    for client in [&user, &admin, &server.guest()] {
        assert_eq!(accent(client).await, "ruby");
        assert_eq!(client.page("/look").await.status, 200);
    }
}

async fn ending_other_sessions_keeps_this_one(database: Database) {
    use portal_core::auth::Accounts;
    let server = start(database, Theme::default()).await;
    let (here, there, bob) = (
        server.user().await,
        server.user().await,
        server.sign_in("bob@example.com").await,
    );
    let mut ids = Vec::new();
    for client in [&here, &there, &bob] {
        let me = client.get("/api/auth/me").await.json();
        ids.push(me["id"].as_str().expect("response has an id").to_owned());
    }
    let id = ids[0].parse().expect("id is a UUID");
    let accounts: Accounts = Accounts::clone(
        server
            .state
            .get::<Accounts>()
            .expect("the service exists")
            .as_ref(),
    );
    let sessions = accounts
        .sessions_of(id)
        .await
        .expect("the sessions can be listed");
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    // The newest is first, and the test keeps the older one.
    let keep = sessions[1].id.clone();
    assert_eq!(
        accounts
            .end_other_sessions(id, &keep)
            .await
            .expect("the sessions end"),
        1
    );
    assert_eq!(here.get("/api/auth/me").await.status, 200);
    there.get("/api/auth/me").await.problem(401, "unauthorized");
    assert_eq!(
        bob.get("/api/auth/me").await.status,
        200,
        "another user's session"
    );
    assert_eq!(
        accounts
            .sessions_of(id)
            .await
            .expect("the sessions can be listed")
            .len(),
        1
    );
}

#[tokio::test]
async fn browser_remembers_a_narrow_sidebar() {
    let server = start(Database::Sqlite, Theme::default()).await;
    let mut browser = CookieClient::new(&server.url);
    let narrow = async |browser: &mut CookieClient| {
        let page = browser.page("/").await;
        !attributes(&page.text, "html", "data-rail").is_empty()
    };
    assert!(!narrow(&mut browser).await);
    let fields = [("rail", "narrow"), ("return_to", "/items/1")];
    let response = browser.submit("/theme", &fields).await;
    assert_eq!(
        (response.status.as_u16(), response.location()),
        (303, "/items/1")
    );
    assert!(narrow(&mut browser).await);
    assert!(
        !browser.cookies.contains_key("portal_theme"),
        "nothing else is chosen"
    );
    browser.submit("/theme", &[("rail", "wide")]).await;
    assert!(!narrow(&mut browser).await);
}

#[tokio::test]
async fn invalid_brand_fails_the_build() {
    let brand = Brand::new().accent_color("teal").css("a {");
    let error = Portal::builder().brand(brand).build().await;
    let Err(BuildError::Problems(problems)) = error else {
        panic!("the portal starts");
    };
    let said = problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(
        said.iter().any(|it| it.contains(
            "invalid accent color `teal` in the brand; use a hex color such as `#0f766e`"
        )),
        "{said:?}"
    );
    assert!(
        said.iter().any(|it| it.contains("1 unclosed `{`")),
        "{said:?}"
    );
}

#[tokio::test]
async fn brand_is_served_and_sets_the_text_direction() {
    let build = |portal| {
        let brand = Brand::new()
            .accent_color("#0f766e")
            .language("ar")
            .right_to_left();
        crate::app::build(portal).page(look).brand(brand)
    };
    let server = TestServer::start_with(Database::Sqlite, &[], build).await;
    let guest = server.guest();
    let page = guest.page("/look").await;
    assert_eq!(shown(&page, "accent"), "brand");
    assert_eq!(attributes(&page.text, "html", "dir"), ["rtl"]);
    assert_eq!(attributes(&page.text, "html", "lang"), ["ar"]);
    let swatches = attributes(&page.text, ".pt-swatches input[name=accent]", "value");
    assert_eq!((swatches.len(), swatches[0].as_str()), (27, "brand"));
    let sheets = attributes(&page.text, "link[rel=stylesheet]", "href");
    let sheet = sheets.iter().find(|sheet| sheet.contains("/brand/"));
    let css = guest
        .get(sheet.expect("the page links the style sheet"))
        .await;
    assert!(css.header("content-type").starts_with("text/css"));
    assert!(css.header("cache-control").contains("immutable"));
    assert!(css.text.contains("--accent-solid:#0f766e"));
    assert_eq!(guest.get("/_portal/brand/brand.css").await.status, 404);
}
