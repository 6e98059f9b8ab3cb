//! Components in a browser, with and without scripts.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    Chromium, Database, TestResponse, TestServer, attributes, command, eventually, form,
};

const GALLERY: &str = "/dev/components";

async fn key(browser: &Chromium, css: &str, keys: &str) {
    let element = browser.find(css).await;
    element
        .send_keys(keys)
        .await
        .expect("the element accepts keys");
}

async fn is_true(browser: &Chromium, what: &str, script: &str) {
    eventually(what, async || {
        (browser.script(script).await == true).then_some(())
    })
    .await;
}

async fn sign_in(browser: &Chromium, server: &TestServer) {
    let token = server.admin().await.token.unwrap_or_default();
    browser.goto("/sign-in").await;
    browser
        .script(&format!("document.cookie = '__session={token}; path=/'"))
        .await;
}

#[tokio::test]
async fn gallery_exists_only_in_development() {
    let server = TestServer::start(Database::Sqlite).await;
    let page = server.guest().page(GALLERY).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Button::new"), "{}", page.text);
    let options = server
        .guest()
        .get(&format!("{GALLERY}/options?q=ada%20l"))
        .await;
    assert_eq!(options.json()[0]["label"], "Ada Lovelace");

    // `routes` lists the routes for any configuration, even one with which the portal could not
    // start.
    let directory = tempfile::tempdir().expect("the directory can be created");
    let listed = async |variables: &[(&str, &str)]| {
        let mut command = command(directory.path());
        let run = command.args(["routes"]).envs(variables.iter().copied());
        let run = run.output().await.expect("the command runs");
        assert!(run.status.success(), "{run:?}");
        String::from_utf8_lossy(&run.stdout).into_owned()
    };
    assert!(listed(&[]).await.contains(GALLERY));
    let production = [
        ("APP_ENV", "PROD"),
        (
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
            "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
        ),
        ("CLERK_SECRET_KEY", "sk_live_x0123456789abcdefghij"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("PUBLIC_URL", "https://portal.example.com"),
        ("DB_CONN_URI", "postgres://nobody@127.0.0.1:1/portal"),
    ];
    let routes = listed(&production).await;
    assert!(routes.contains("/search"), "{routes}");
    assert!(!routes.contains("/dev/components"), "{routes}");
}

#[tokio::test]
async fn list_and_form_work_without_scripts() {
    let mut server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let defaults = admin.post("/api/admin/defaults", &json!({})).await;
    assert_eq!(defaults.status, 200);
    let list = "/admin/settings/plan";
    let page = admin.page(&format!("{list}?search=pro&columns=name")).await;
    assert!(page.text.contains(">Pro<") && !page.text.contains(">Basic<"));
    let heads = attributes(&page.text, "th a", "href");
    assert_eq!(heads.len(), 1, "one column is shown: {heads:?}");
    let body = form(&[("name", "Max"), ("price", "7")]);
    let send = |hx: bool| {
        let mut request = admin
            .request(Method::POST, "/admin/settings/plan/create")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.clone());
        if hx {
            request = request.header("hx-request", "true");
        }
        TestResponse::of(request)
    };
    let plain = send(false).await;
    // The redirect targets the new row.
    let added = format!("{list}#plans-3");
    assert_eq!((plain.status.as_u16(), plain.location()), (303, &*added));
    // The name is now taken, so both requests return the page with the open drawer.
    for hx in [false, true] {
        let again = send(hx).await;
        assert_ne!(again.status, 303);
        assert!(again.text.contains("id=\"row\""), "{}", again.text);
    }
    server.stop().await;
}

#[tokio::test]
async fn list_swap_keeps_focus_and_updates_the_url() {
    let server = TestServer::start(Database::Sqlite).await;
    let browser = Chromium::open(&server.url).await;
    browser.goto(GALLERY).await;
    is_true(
        &browser,
        "the scripts are loaded",
        "return !!document.querySelector('head script[src*=lists][data-loaded]')",
    )
    .await;
    // A page reload would discard this variable.
    browser.script("window.same = true").await;
    key(&browser, "#q-q", "ada").await;
    is_true(&browser, "the list is searched", "return document.querySelectorAll('#demo-list tbody tr').length === 6 && document.querySelector('#demo-list').innerText.includes('of 6')").await;
    let at = browser
        .script("return document.activeElement.id + ':' + document.activeElement.value")
        .await;
    assert_eq!(at, "q-q:ada");
    assert!(
        browser.path().await.contains("q=ada"),
        "{}",
        browser.path().await
    );
    browser.click("#demo-list th a[href*='sort=orders']").await;
    is_true(
        &browser,
        "the list is sorted",
        "return !!document.querySelector('#demo-list th[aria-sort=ascending]')",
    )
    .await;
    // Checkboxes stay with their rows.
    browser
        .click("#demo-list tbody tr:first-child [data-select]")
        .await;
    browser.see("1 selected").await;
    let chosen = "return document.querySelector('#demo-list tbody :checked')?.value ?? ''";
    let before = browser.script(chosen).await;
    browser.click("#demo-list th a[href*='sort=-orders']").await;
    is_true(
        &browser,
        "the sort order is reversed",
        "return !!document.querySelector('#demo-list th[aria-sort=descending]')",
    )
    .await;
    assert_eq!(browser.script(chosen).await, before);
    browser.click("#demo-list .pt-chips a.pt-btn").await;
    is_true(&browser, "the filters are cleared", "return document.querySelector('#q-q').value === '' && document.querySelector('#demo-list').innerText.includes('of 48')").await;
    assert_eq!(browser.script("return window.same").await, true);
    browser.script("history.back()").await;
    is_true(
        &browser,
        "the previous search is restored",
        "return document.querySelector('#q-q').value === 'ada'",
    )
    .await;
    browser.close().await;
}

#[tokio::test]
async fn combobox_works_by_keyboard_and_at_most_three_toasts_show() {
    let server = TestServer::start(Database::Sqlite).await;
    let browser = Chromium::open(&server.url).await;
    browser.goto(GALLERY).await;
    let field = "#f-g-owner[role=combobox]";
    browser.find(field).await;
    let value = "return document.querySelector('[name=g-owner]').value";
    assert_eq!(browser.script(value).await, "1");
    browser.script("document.querySelector('#f-g-owner').focus(); document.querySelector('#f-g-owner').select()").await;
    key(&browser, field, "hopp").await;
    browser
        .find(".pt-combo:popover-open [aria-selected=true]")
        .await;
    is_true(&browser, "the results are shown", "return document.querySelector('.pt-combo:popover-open').innerText.includes('Grace Hopper')").await;
    key(&browser, field, "\u{E015}\u{E007}").await;
    assert_eq!(browser.script(value).await, "9");
    key(&browser, field, "x\u{E00C}").await;
    is_true(&browser, "Esc closes the list and keeps the choice", "return !document.querySelector('.pt-combo:popover-open') && document.querySelector('#f-g-owner').value === 'Grace Hopper'").await;
    browser.script("document.querySelector('#f-g-owner').closest('pt-combobox').querySelector('.pt-combo-clear').click()").await;
    assert_eq!(browser.script(value).await, "");

    browser
        .script("document.querySelectorAll('main pt-toast').forEach((it) => it.remove())")
        .await;
    for tone in ["danger", "info", "info", "info", "info"] {
        browser
            .script(&format!("portal.toast('Message', '{tone}')"))
            .await;
    }
    is_true(
        &browser,
        "three toasts are left",
        "return document.querySelectorAll('.pt-toasts pt-toast').length === 3",
    )
    .await;
    let alert = "return document.querySelectorAll('.pt-toasts pt-toast[role=alert]').length";
    assert_eq!(browser.script(alert).await, 1);
    browser.close().await;
}

#[tokio::test]
async fn drawer_shows_errors_guards_changes_and_closes_when_saved() {
    let server = TestServer::start(Database::Sqlite).await;
    let defaults = server
        .admin()
        .await
        .post("/api/admin/defaults", &json!({}))
        .await;
    assert_eq!(defaults.status, 200);
    let browser = Chromium::open(&server.url).await;
    sign_in(&browser, &server).await;
    browser.goto("/admin/settings/plan").await;
    browser.allow_console_message("status of 409");
    is_true(
        &browser,
        "the scripts are loaded",
        "return !!document.querySelector('head script[src*=lists][data-loaded]')",
    )
    .await;
    browser.script("window.same = true").await;
    browser.click("tbody tr:first-child .pt-row-link").await;
    browser.find("dialog#row:modal").await;
    assert!(browser.path().await.contains("edit="));
    browser.fill("dialog#row [name=name]", "Pro").await;
    key(&browser, "dialog#row", "\u{E00C}").await;
    browser.see("Discard changes?").await;
    browser.click("dialog[open] button[value='']").await;
    // Another plan already has this name.
    browser.click("dialog#row button[data-kind=solid]").await;
    browser
        .find("dialog#row:modal :is([aria-invalid=true],.pt-banner)")
        .await;
    browser.fill("dialog#row [name=name]", "Starter").await;
    browser.click("dialog#row button[data-kind=solid]").await;
    browser.see("Saved “Starter”").await;
    is_true(&browser, "the drawer is closed and the list is updated", "return !document.querySelector('dialog[open]') && document.querySelector('#rows').innerText.includes('Starter')").await;
    assert_eq!(browser.script("return window.same").await, true);
    browser.close().await;
}

/// Script that holds back responses to a combobox until the test releases them; an aborted request
/// fails, as with `fetch`.
const HOLD: &str = "window.held = {}; const real = fetch; window.fetch = (to, init) => { \
    const words = String(to).includes('/options') ? new URL(to, location).searchParams.get('q') : null; \
    return words === null ? real(to, init) : new Promise((done, fail) => { \
        init.signal.addEventListener('abort', () => fail(init.signal.reason)); \
        held[words] = () => { const answer = real(to); done(answer); return answer; }; \
    }); };";

#[tokio::test]
async fn late_responses_toasts_and_focus_are_placed_correctly() {
    let server = TestServer::start(Database::Sqlite).await;
    let browser = Chromium::open(&server.url).await;
    browser.in_every_page(HOLD).await;
    browser.goto(GALLERY).await;
    browser.find("#f-g-owner[role=combobox]").await;

    // A menu opens a dialog.
    let button = "document.querySelector('[popovertarget=g-menu]')";
    browser.script(&format!("{button}.focus()")).await;
    browser.press("Enter").await;
    browser.find("#g-menu:popover-open").await;
    browser
        .script("document.querySelector('#g-menu [data-opens=g-confirm]').focus()")
        .await;
    browser.press("Enter").await;
    browser.find("dialog#g-confirm:modal").await;

    // The toast appears in the dialog, above all other content. An error toast does not disappear.
    browser
        .script("portal.toast('Said inside', 'danger')")
        .await;
    let inside = "[role=status] > pt-toast";
    browser
        .find(&format!("dialog#g-confirm:modal > {inside}"))
        .await;
    let is_on_top = "const toast = document.querySelector('dialog pt-toast'); \
        const { left, top, width, height } = toast.getBoundingClientRect(); \
        const at = document.elementFromPoint(left + width / 2, top + height / 2); \
        return toast.contains(at) && toast.innerText.includes('Said inside')";
    is_true(&browser, "the toast is visible", is_on_top).await;

    // After closing the dialog, the focus is restored and the toast is still visible.
    browser.press("Escape").await;
    is_true(
        &browser,
        "the dialog is closed",
        "return !document.querySelector('dialog:modal')",
    )
    .await;
    let is_back = format!("return document.activeElement === {button}");
    is_true(&browser, "the focus is back", &is_back).await;
    let stays = "return !!document.querySelector('.pt-toasts:has(>template) > pt-toast')";
    is_true(&browser, "the toast stays", stays).await;

    // The responses arrive in a different order from the requests.
    let typed = |words: &str| {
        format!(
            "const field = document.querySelector('#f-g-owner'); field.focus(); \
             field.value = '{words}'; field.dispatchEvent(new Event('input', {{ bubbles: true }}));"
        )
    };
    let is_asked = |words: &str| format!("return '{words}' in held");
    let shown = "return document.querySelector('.pt-combo:popover-open')?.innerText ?? ''";
    browser.script(&typed("a")).await;
    is_true(&browser, "`a` is requested", &is_asked("a")).await;
    browser.script(&(typed("ada l") + "held.a()")).await;
    is_true(&browser, "`ada l` is requested", &is_asked("ada l")).await;
    let text = browser.script(shown).await;
    assert!(!text.to_string().contains("Grace Hopper"), "{text}");
    // The whole list is requested while a search is pending.
    browser
        .script("document.querySelector('#f-g-owner').click(); held['']()")
        .await;
    let has = |name: &str| {
        format!(
            "return document.querySelector('.pt-combo:popover-open')?.innerText.includes('{name}')"
        )
    };
    is_true(&browser, "all options are shown", &has("Grace Hopper")).await;
    let late =
        "return held['ada l']().then(() => new Promise((done) => setTimeout(done, 100, true)))";
    browser.script(late).await;
    let text = browser.script(shown).await;
    assert!(text.to_string().contains("Grace Hopper"), "{text}");

    // Times are converted to local time in a re-fetched element and in a new one.
    let times = "return [...document.querySelectorAll('#time time')].map((it) => it.innerText)";
    let before = browser.script(times).await;
    assert_eq!(before.as_array().map(Vec::len), Some(3), "{before}");
    assert!(!before.to_string().contains("UTC"), "{before}");
    browser
        .script(
            "document.addEventListener('htmx:after:swap', () => setTimeout(() => { window.swapped = true; })); \
             htmx.ajax('GET', location.pathname, { source: '#time', target: '#time', select: '#time', swap: 'outerMorph' })",
        )
        .await;
    is_true(
        &browser,
        "the element is swapped",
        "return window.swapped === true",
    )
    .await;
    assert_eq!(browser.script(times).await, before);
    browser.close().await;
}
