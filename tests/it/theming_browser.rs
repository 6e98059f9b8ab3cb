//! Choosing a theme in a browser: immediately, in every tab, by keyboard, without a flash.

use serde_json::json;

use crate::support::{Chromium, ReferencePortal, eventually};

async fn open() -> (ReferencePortal, Chromium) {
    let portal = ReferencePortal::start(&[]).await;
    let browser = Chromium::open(&portal.url).await;
    browser.goto("/admin/app-settings").await;
    // A page load would discard this variable.
    browser.script("window.same = true").await;
    (portal, browser)
}

async fn is(browser: &Chromium, what: &str, script: &str) {
    eventually(what, async || {
        (browser.script(script).await == json!(true)).then_some(())
    })
    .await;
}

const RUBY: &str = ".pt-swatches input[name=accent][value=ruby]";

#[tokio::test]
async fn theme_choice_applies_at_once_and_in_other_tabs() {
    let (_portal, browser) = open().await;
    browser
        .script("window.other = window.open('/admin/about')")
        .await;
    is(
        &browser,
        "the other tab is open",
        "return other.document.readyState === 'complete' && !!other.document.querySelector('main')",
    )
    .await;
    browser.click(RUBY).await;
    let accent = browser
        .script("return document.documentElement.dataset.accent")
        .await;
    assert_eq!(accent, "ruby");
    is(
        &browser,
        "the other tab follows",
        "return other.document.documentElement.dataset.accent === 'ruby'",
    )
    .await;
    is(
        &browser,
        "the choice is saved",
        "return [...document.querySelectorAll('[data-part=saved]')].some((it) => it.textContent === 'Saved')",
    )
    .await;
    assert_eq!(browser.script("return window.same").await, true);
    // The automatic gray follows the accent.
    let pair = browser
        .script("return document.querySelector('[data-part=pair]').textContent")
        .await;
    assert_eq!(pair, "Mauve");

    // The server renders the theme: no script has to change the document.
    let first = browser
        .script("const r = new XMLHttpRequest(); r.open('GET', '/admin/about', false); r.send(); return /<html[^>]*>/.exec(r.responseText)[0]")
        .await;
    assert!(
        first
            .as_str()
            .is_some_and(|html| html.contains("data-accent=\"ruby\"")),
        "{first}"
    );

    browser.click("button[name=reset]").await;
    is(&browser, "both use the default theme", "return [document, other.document].every((it) => it.documentElement.dataset.accent === 'indigo')").await;
    is(
        &browser,
        "the default is selected",
        "return document.querySelector('[name=accent][value=\"\"]').checked",
    )
    .await;
    assert_eq!(browser.script("return window.same").await, true);
    let said = browser.console().await;
    assert!(said.is_empty(), "{said:#?}");
    browser.close().await;
}

#[tokio::test]
async fn arrow_keys_move_between_swatches() {
    let (_portal, browser) = open().await;
    browser.click(RUBY).await;
    let swatch = browser.find(RUBY).await;
    swatch
        .send_keys("\u{E014}")
        .await
        .expect("the element accepts keys");
    let state = "const it = document.activeElement; return [it.name, it.value, document.documentElement.dataset.accent]";
    assert_eq!(browser.script(state).await, json!(["accent", "red", "red"]));
    // The Left key moves back to the choice that follows the default theme.
    let swatch = browser
        .find(".pt-swatches input[name=accent][value=gray]")
        .await;
    browser
        .click(".pt-swatches input[name=accent][value=gray]")
        .await;
    swatch
        .send_keys("\u{E012}")
        .await
        .expect("the element accepts keys");
    assert_eq!(browser.script(state).await, json!(["accent", "", "indigo"]));
    browser.close().await;
}

#[tokio::test]
async fn sidebar_collapses_and_stays_collapsed() {
    let (_portal, browser) = open().await;
    let width = "return document.querySelector('.pt-side').offsetWidth";
    assert_eq!(browser.script(width).await, 240);
    browser.click(".pt-rail button").await;
    assert_eq!(browser.script(width).await, 64);
    let state = "const it = document.querySelector('.pt-rail button'); return [it.value, it.getAttribute('aria-expanded'), it === document.activeElement]";
    assert_eq!(browser.script(state).await, json!(["wide", "false", true]));
    assert_eq!(browser.script("return window.same").await, true);
    is(&browser, "the choice is stored", "return fetch('/admin/about').then((it) => it.text()).then((it) => it.includes('data-rail'))").await;
    browser.goto("/admin/about").await;
    assert_eq!(browser.script(width).await, 64);
    browser.click(".pt-rail button").await;
    assert_eq!(browser.script(width).await, 240);
    browser.close().await;
}

#[tokio::test]
async fn user_menu_switches_light_and_dark() {
    let (_portal, browser) = open().await;
    browser.click(".pt-side .pt-modes button[value=dark]").await;
    let scheme = "return getComputedStyle(document.documentElement).colorScheme";
    assert_eq!(browser.script(scheme).await, "dark");
    let pressed = "return [...document.querySelectorAll('.pt-side .pt-modes [aria-pressed=true]')].map((it) => it.value)";
    assert_eq!(browser.script(pressed).await, json!(["dark"]));
    let radio = "return document.querySelector('.pt-set [name=appearance][value=dark]').checked";
    assert_eq!(browser.script(radio).await, true);
    assert_eq!(browser.script("return window.same").await, true);
    browser.close().await;
}
