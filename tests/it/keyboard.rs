//! Keyboard use: everything works with the keyboard alone, and the focus is visible at each stop.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Chromium, DemoPortal, eventually, form};

/// Script that returns the focused element and whether its focus is visible.
///
/// The focus is marked by an outline around the element itself, or around its label or row. The
/// outlined element must be inside the window and not covered by another element.
const FOCUS: &str = r"
const at = document.activeElement;
if (!at || at === document.body) return null;
const marked = (node) => {
  const { outlineStyle, outlineWidth } = node ? getComputedStyle(node) : {};
  return outlineStyle !== undefined && outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1;
};
const around = [at, at.parentElement, at.parentElement?.parentElement, at.closest('label, li, tr')];
const own = around.find(marked) ?? at;
const { left, top, right, bottom } = own.getBoundingClientRect();
const x = Math.min(Math.max((left + right) / 2, 1), innerWidth - 2);
const y = Math.min(Math.max((top + bottom) / 2, 1), innerHeight - 2);
const shown = right > left && bottom > top && right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
const above = document.elementFromPoint(x, y);
return {
  what: at.outerHTML.slice(0, 160),
  // The target of a skip link has no outline, because it is not interactive.
  marked: marked(own) || at.matches('[tabindex=\'-1\']'),
  seen: shown && (own.contains(above) || !!above?.contains(own) || !!at.labels?.[0]?.contains(above)),
};
";

/// Maximum number of focus stops on a page.
const STOPS: usize = 120;

struct Walker {
    browser: Chromium,
}

impl Walker {
    /// Presses keys and asserts that the focus is visible.
    async fn press(&self, keys: &str) {
        self.browser.press(keys).await;
        let focus = self.browser.script(FOCUS).await;
        if focus.is_null() {
            return;
        }
        for rule in ["marked", "seen"] {
            assert_eq!(focus[rule], true, "not {rule} after {keys}: {focus:#}");
        }
    }

    /// Returns `true` if the focused element matches.
    async fn is_at(&self, css: &str) -> bool {
        let at = format!("return !!document.activeElement?.matches({css:?})");
        self.browser.script(&at).await == Value::Bool(true)
    }

    /// Presses Tab until an element has the focus.
    async fn tab_to(&self, css: &str) {
        self.browser.find(css).await;
        for _ in 0..STOPS {
            if self.is_at(css).await {
                return;
            }
            self.press("Tab").await;
        }
        let text = self.browser.text().await;
        panic!(
            "{css} is not reached in {STOPS} stops of {}\n{text}",
            self.browser.path().await
        );
    }

    async fn follow(&self, css: &str, path: &str) {
        self.tab_to(css).await;
        self.browser.press("Enter").await;
        self.arrive(path).await;
    }

    async fn arrive(&self, path: &str) {
        eventually(&format!("the browser is at {path}"), async || {
            self.browser.path().await.starts_with(path).then_some(())
        })
        .await;
        eventually("the page is ready", async || {
            (self.browser.script("return document.readyState").await == "complete").then_some(())
        })
        .await;
    }

    /// Moves to a field with Tab and replaces its value.
    async fn fill(&self, css: &str, text: &str) {
        self.tab_to(css).await;
        self.browser.press("Control+a").await;
        self.browser.write(text).await;
    }
}

async fn start() -> (DemoPortal, Walker) {
    let showcase = DemoPortal::start().await;
    let browser = Chromium::open(&showcase.portal.url).await;
    browser.hold_still().await;
    (showcase, Walker { browser })
}

#[tokio::test]
async fn session_from_sign_in_to_sign_out_works_by_keyboard() {
    let (showcase, walker) = start().await;
    let browser = &walker.browser;

    // A guest skips past the navigation and signs in.
    browser.goto("/").await;
    walker.press("Tab").await;
    assert!(
        walker.is_at("a.pt-skip").await,
        "the first stop is the skip link"
    );
    walker.press("Enter").await;
    assert!(walker.is_at("main").await);
    walker.follow("main a[href*='/sign-in']", "/sign-in").await;
    walker.fill("input[name=email]", DemoPortal::ADMIN).await;
    walker
        .tab_to("form[action$='/dev/sign-in'] button[type=submit]")
        .await;
    walker.press("Shift+Tab").await;
    walker
        .follow(
            "form[action$='/dev/sign-in'] button[type=submit]",
            "/admin/overview",
        )
        .await;

    // The user starts a task and sees its result.
    walker
        .follow("nav a[href$='/admin/tasks']", "/admin/tasks")
        .await;
    browser
        .goto("/admin/tasks?state=example_task2&task=loaded_task")
        .await;
    walker.fill("input[name='args.name']", "Eve").await;
    walker.fill("input[name='args.age']", "33").await;
    walker
        .tab_to("form[action$='/admin/tasks/start'] button[type=submit]")
        .await;
    browser.press("Enter").await;
    browser.see("Completed task for Eve, age 33").await;

    // The user edits a row in the drawer and saves it.
    walker
        .follow("nav a[href$='/admin/settings']", "/admin/settings")
        .await;
    walker
        .follow(
            "main a[href*='/settings/custom_config']",
            "/admin/settings/custom_config",
        )
        .await;
    walker.tab_to("main a[href*='edit=']").await;
    browser.press("Enter").await;
    let drawer = "dialog[open]";
    browser.find(drawer).await;
    walker
        .fill(
            &format!("{drawer} textarea[name=configuration]"),
            "text: Written without a mouse",
        )
        .await;
    walker
        .tab_to(&format!("{drawer} button[data-kind=solid]"))
        .await;
    browser.press("Enter").await;
    browser.see("Saved “").await;
    let rows = showcase.admin.get("/api/admin/models/custom_config").await;
    assert!(
        rows.text.contains("Written without a mouse"),
        "{}",
        rows.text
    );

    // The user opens another page by its name.
    browser.press("Control+k").await;
    browser.find(".pt-palette[open] input").await;
    browser.write("appear").await;
    browser
        .find(".pt-palette a[href$='/admin/app-settings'][aria-selected=true]")
        .await;
    browser.press("Enter").await;
    walker.arrive("/admin/app-settings").await;

    // The user changes the theme.
    let appearance = "return document.documentElement.dataset.appearance";
    let before = browser.script(appearance).await;
    walker.tab_to("main input[name=appearance]").await;
    walker.press("Right").await;
    assert_ne!(browser.script(appearance).await, before);
    eventually("the choice is stored", async || {
        let stored = showcase.admin.get("/api/auth/me/preferences").await;
        stored.text.contains("appearance").then_some(())
    })
    .await;

    // The user signs out.
    walker
        .tab_to(".pt-side button[popovertarget].pt-user")
        .await;
    browser.press("Enter").await;
    walker.tab_to("form[action='/sign-out'] button").await;
    browser.press("Enter").await;
    eventually("the browser is at the home page", async || {
        (browser.path().await == "/").then_some(())
    })
    .await;
    browser.see("Sign in").await;
    walker.browser.close().await;
}

#[tokio::test]
async fn drawer_traps_the_focus_until_it_closes() {
    let (showcase, walker) = start().await;
    let browser = &walker.browser;
    browser.use_session(showcase.session()).await;
    browser.goto("/admin/settings/custom_config").await;
    walker.tab_to("main a[href*='edit=']").await;
    browser.press("Enter").await;
    browser.find("dialog[open]").await;
    for _ in 0..30 {
        walker.press("Tab").await;
        // Between the last and the first stop in a dialog, the window itself has the focus.
        let inside = "return !document.hasFocus() || document.activeElement === document.body || \
                      !!document.activeElement.closest('dialog[open]')";
        assert_eq!(
            browser.script(inside).await,
            true,
            "the page behind is not reached"
        );
    }
    browser.press("Escape").await;
    eventually("the drawer is closed", async || {
        let open = browser
            .script("return document.querySelectorAll('dialog[open]').length")
            .await;
        (open == 0).then_some(())
    })
    .await;
    // The page can be navigated again.
    walker.press("Tab").await;

    // A single keystroke does not discard input.
    walker.tab_to("main a[href*='edit=']").await;
    browser.press("Enter").await;
    walker
        .fill(
            "dialog[open] textarea[name=configuration]",
            "text: not saved",
        )
        .await;
    browser.press("Escape").await;
    browser.see("Discard changes?").await;
    walker.browser.close().await;
}

#[tokio::test]
async fn concurrent_theme_changes_are_reported_and_merged() {
    let (showcase, walker) = start().await;
    let browser = &walker.browser;
    browser.use_session(showcase.session()).await;
    browser.goto("/admin/app-settings").await;
    // Another administrator saves first.
    let other = [("gray", "sand"), ("version", "0")];
    let saved = showcase
        .admin
        .request(Method::POST, "/theme/portal")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(&other))
        .send()
        .await
        .expect("the portal responds");
    assert_eq!(saved.status(), 303);

    let save = "form[action$='/theme/portal'] button[type=submit]";
    let choose = async || {
        walker.tab_to("#portal-radius").await;
        // Typing its first letter selects the option.
        walker.press("f").await;
        walker.tab_to(save).await;
        browser.press("Enter").await;
    };
    choose().await;
    browser.see("Someone else changed the default theme").await;
    let shown = "return document.querySelector('#portal-gray').value";
    assert_eq!(
        browser.script(shown).await,
        "sand",
        "the form shows the stored value"
    );
    choose().await;
    browser.see("Saved for everyone").await;
    let theme = browser
        .script("const { gray, radius } = document.documentElement.dataset; return [gray, radius]")
        .await;
    assert_eq!(theme, json!(["sand", "full"]), "both changes are stored");
    walker.browser.close().await;
}

#[tokio::test]
async fn concurrent_edits_of_a_row_lose_no_changes() {
    let (showcase, walker) = start().await;
    let browser = &walker.browser;
    browser.allow_console_message("status of 412");
    browser.use_session(showcase.session()).await;
    browser.goto("/admin/settings/custom_config").await;
    walker.tab_to("main a[href*='edit=']").await;
    browser.press("Enter").await;
    let document = "dialog[open] textarea[name=configuration]";
    walker.fill(document, "text: of the slower one").await;
    // Another administrator saves first.
    let row = "/api/admin/models/custom_config/1";
    let quicker = json!({"configuration": {"text": "of the quicker one"}});
    let saved = showcase
        .admin
        .request(Method::PATCH, row)
        .header("if-match", "*")
        .json(&quicker)
        .send()
        .await
        .expect("the portal responds");
    assert_eq!(saved.status(), 200);

    let save = "dialog[open] button[data-kind=solid]";
    walker.tab_to(save).await;
    browser.press("Enter").await;
    browser.see("Use theirs").await;
    browser.see("of the quicker one").await;
    let written = format!("return document.querySelector({document:?}).value");
    assert_eq!(browser.script(&written).await, "text: of the slower one");
    walker.tab_to(save).await;
    browser.press("Enter").await;
    browser.see("Saved “").await;
    let stored = showcase.admin.get(row).await;
    assert!(stored.text.contains("of the slower one"), "{}", stored.text);
    walker.browser.close().await;
}

#[tokio::test]
async fn every_focus_stop_on_every_page_is_visible() {
    let (showcase, walker) = start().await;
    let browser = &walker.browser;
    browser.use_session(showcase.session()).await;
    for width in [1280, 768, 360] {
        browser.resize(width, 900).await;
        for page in [
            "/admin/overview",
            "/admin/tasks",
            "/admin/users",
            "/admin/app-settings",
        ] {
            browser.goto(page).await;
            let mut stops = 0;
            for _ in 0..STOPS {
                walker.press("Tab").await;
                let is_over =
                    "return document.activeElement === document.body || !document.hasFocus()";
                if browser.script(is_over).await == true {
                    break;
                }
                stops += 1;
            }
            assert!(stops >= 3, "{page} has {stops} stops");
        }
    }
    walker.browser.close().await;
}
