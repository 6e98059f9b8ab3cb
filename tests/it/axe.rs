//! Accessibility: axe-core finds no violations of WCAG 2.0, 2.1 and 2.2, levels A and AA.
//!
//! The tests check every page without path parameters, in light and dark mode, in four accents, and
//! at phone and desktop size. On each page, they also check every menu, drawer and dialog, one at a
//! time.

use serde_json::{Value, json};

use crate::support::{Chromium, DemoPortal};

pub(crate) const AXE: &str = include_str!("vendor/axe.min.js");

/// Script that takes the themes and returns a line for each finding.
pub(crate) const CHECK: &str = include_str!("axe.js");

const ACCENTS: [&str; 4] = ["indigo", "orange", "amber", "sky"];

/// Returns a light and a dark theme for each accent; overlays are also checked in two of them.
fn themes() -> Vec<Value> {
    let modes = ["light", "dark"].into_iter();
    let themes = modes.flat_map(|mode| ACCENTS.map(|accent| (mode, accent)));
    let themes = themes.map(|(mode, accent)| match (mode, accent) {
        ("light", "indigo") => json!([mode, accent, "everything"]),
        ("dark", "amber") => json!([mode, accent, "colors"]),
        _ => json!([mode, accent, "page"]),
    });
    themes.collect()
}

/// Returns the themes for a phone: fewer, because it shows the same colors in another layout.
fn themes_on_a_phone() -> Vec<Value> {
    vec![
        json!(["light", "indigo", "everything"]),
        json!(["dark", "orange", "page"]),
    ]
}

async fn open(showcase: &DemoPortal) -> Chromium {
    let browser = Chromium::open(&showcase.portal.url).await;
    browser.in_every_page(AXE).await;
    browser.hold_still().await;
    browser
}

/// Adds the findings for the current page at both window sizes.
async fn check(browser: &Chromium, page: &str, findings: &mut Vec<String>) {
    // The gallery shows only components that other pages use too, so two themes are enough.
    let on_a_screen = match page {
        "/dev/components" => vec![
            json!(["light", "indigo", "everything"]),
            json!(["dark", "amber", "colors"]),
        ],
        _ => themes(),
    };
    for (width, height, themes) in [(1280, 900, on_a_screen), (360, 740, themes_on_a_phone())] {
        browser.resize(width, height).await;
        let found = browser.script_that_waits(CHECK, vec![json!(themes)]).await;
        let found = found
            .as_array()
            .expect("the script returns a list of findings")
            .iter();
        findings.extend(found.map(|finding| {
            let finding = finding.as_str().unwrap_or_default();
            format!("{page} at {width}: {finding}")
        }));
    }
}

#[track_caller]
fn assert_none(findings: &[String]) {
    let some = &findings[..findings.len().min(20)];
    assert!(
        findings.is_empty(),
        "{} findings, such as {some:#?}",
        findings.len()
    );
}

#[tokio::test]
async fn guest_pages_have_no_violations() {
    let showcase = DemoPortal::start().await;
    let browser = open(&showcase).await;
    browser.allow_console_message("status of 404");
    let mut findings = Vec::new();
    for page in showcase
        .pages_of(false)
        .into_iter()
        .chain(["/no/such/page"])
    {
        browser.goto(page).await;
        check(&browser, page, &mut findings).await;
    }
    assert_none(&findings);
    browser.close().await;
}

#[tokio::test]
async fn administrator_pages_have_no_violations() {
    let showcase = DemoPortal::start().await;
    let browser = open(&showcase).await;
    browser.use_session(showcase.session()).await;
    let mut findings = Vec::new();
    let more = [
        "/admin/settings/custom_config?edit=1",
        "/admin/settings/custom_config/rows/1",
        "/admin/settings/custom_config/rows/1?tab=history",
        "/admin/settings/subscription_feature?new=1",
        "/admin/users?search=nobody-is-called-that",
        "/admin/tasks?state=example_task2&task=loaded_task",
    ];
    showcase.start_long_task().await;
    for page in showcase.pages_of(true).into_iter().chain(more) {
        browser.goto(page).await;
        check(&browser, page, &mut findings).await;
    }
    assert_none(&findings);
    browser.close().await;
}

/// Checks that the tests find violations.
#[tokio::test]
async fn violation_is_found() {
    let showcase = DemoPortal::start().await;
    let browser = open(&showcase).await;
    browser.goto("/").await;
    browser
        .script(
            "document.querySelector('h1').style.color = '#bbb';\n\
             const dialog = document.createElement('dialog');\n\
             dialog.id = 'broken'; dialog.innerHTML = '<input>'; document.body.append(dialog)",
        )
        .await;
    let arguments = vec![json!([["light", "indigo", "everything"]])];
    let found = browser.script_that_waits(CHECK, arguments).await;
    let found: Vec<&str> = found
        .as_array()
        .expect("value is a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for expected in ["color-contrast at ", " (light, indigo, broken open)"] {
        assert!(
            found.iter().any(|line| line.contains(expected)),
            "{expected}: {found:#?}"
        );
    }
    browser.close().await;
}

/// Checks that the console shows policy violations, on which every browser test fails.
#[tokio::test]
async fn policy_violation_is_in_the_console() {
    let showcase = DemoPortal::start().await;
    let browser = Chromium::open(&showcase.portal.url).await;
    browser.goto("/").await;
    assert_eq!(browser.complaints().await, [""; 0]);
    browser
        .script("document.body.setAttribute('style', 'color: red')")
        .await;
    browser
        .script("setTimeout(() => { throw new Error('lost') })")
        .await;
    let said = crate::support::eventually("the console has messages", async || {
        let said = browser.console().await;
        (!said.is_empty()).then_some(said)
    })
    .await;
    let said = said.join("\n");
    assert!(said.contains("Content Security Policy"), "{said}");
    browser.allow_console_message("lost");
    browser.close().await;
}
