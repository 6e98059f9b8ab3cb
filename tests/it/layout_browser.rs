//! Layout in a browser: long values, widths, touch, forced colors, fonts.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Chromium, Client, DemoPortal, TaskClient, TestResponse, eventually};

const WIDTHS: [u32; 5] = [320, 390, 768, 1280, 1440];

/// Script that finds cells and drawer elements that extend beyond their card or drawer.
const OUTSIDE: &str = r#"
const inside = (node, box) => {
  const [a, b] = [node.getBoundingClientRect(), box.getBoundingClientRect()];
  return !a.width || (a.left >= b.left - 1 && a.right <= b.right + 1);
};
const found = [];
const check = (nodes, boxes) => document.querySelectorAll(nodes).forEach((node) => {
  const box = node.closest(boxes);
  if (box && !node.closest(".pt-figures") && !inside(node, box)) found.push(`${node.tagName} ${node.textContent.slice(0, 40)}`);
});
check("main :is(td,th)", ".pt-card");
check("main .pt-task > *, main .pt-note > *", ".pt-card, .pt-notes, ul");
check("dialog[open] :is(h2,p,label,input,textarea,select,button,a)", "dialog");
// A phone widens its viewport instead of scrolling.
const { scrollWidth } = document.documentElement;
if (scrollWidth > WIDTH) found.push(`the page is ${scrollWidth} px wide`);
return found;
"#;

async fn open(showcase: &DemoPortal) -> Chromium {
    let browser = Chromium::open(&showcase.portal.url).await;
    browser.use_session(showcase.session()).await;
    browser.hold_still().await;
    browser
}

async fn post(client: &Client, path: &str, body: &Value) {
    let response = client.post(path, body).await;
    assert!(response.status.is_success(), "{path}: {}", response.text);
}

#[tokio::test]
async fn long_values_stay_in_their_cards_at_every_width() {
    let showcase = DemoPortal::start().await;
    let admin = &showcase.admin;
    let words = "lorem ipsum ".repeat(42);
    let texts = ["x".repeat(500), words[..500].to_owned()];
    for text in &texts {
        let row =
            json!({"name": text, "description": text, "plan": "pro", "monthly_limit": 41_250});
        post(admin, "/api/admin/models/subscription_feature", &row).await;
        let row = json!({"name": text, "configuration": {"text": text}});
        post(admin, "/api/admin/models/custom_config", &row).await;
    }
    let person = json!({
        "email": format!("{}@{}.example", "l".repeat(60), "d".repeat(60)),
        "first_name": "W".repeat(100), "last_name": "m".repeat(100),
    });
    let token = showcase.portal.guest().post("/dev/token", &person).await;
    let token = token.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    let long = Client::new(&showcase.portal.url, Some(token));
    let me = long.get("/api/auth/me").await.json();
    let tasks = TaskClient::of(admin).await;
    let arguments = json!({"name": "n".repeat(100), "age": 6});
    let id = tasks
        .start_in("example_task2", "task2_with_args", &arguments)
        .await;
    tasks.ended_in("example_task2", &id).await;
    let message = format!(
        "audience=everyone&title={}&text={}&confirmed=2",
        "t".repeat(100),
        "b".repeat(300)
    );
    let sent = admin
        .request(Method::POST, "/admin/notifications/send")
        .header("content-type", "application/x-www-form-urlencoded");
    let sent = TestResponse::of(sent.body(message)).await;
    assert_eq!(sent.status, 303, "{}", sent.text);

    let features = admin.get("/api/admin/models/subscription_feature").await;
    let features = features.json();
    let record = features["items"]
        .as_array()
        .and_then(|rows| rows.iter().find(|row| row["name"] == *texts[0]))
        .map(|row| row["id"].clone())
        .expect("the row exists");
    let pages = [
        "/".to_owned(),
        "/admin/overview".to_owned(),
        "/admin/audit".to_owned(),
        "/admin/users".to_owned(),
        format!(
            "/admin/users?edit={}",
            me["id"].as_str().expect("response has an id")
        ),
        "/admin/settings/subscription_feature".to_owned(),
        "/admin/settings/custom_config".to_owned(),
        format!("/admin/settings/subscription_feature?edit={record}"),
        "/admin/settings/subscription_feature?add_filter=plan".to_owned(),
        format!(
            "/admin/settings/subscription_feature?filter[name]={}",
            texts[0]
        ),
        "/admin/tasks".to_owned(),
        "/admin/tasks/all".to_owned(),
        format!("/admin/tasks/{id}"),
        "/admin/tasks/kinds".to_owned(),
        "/admin/tasks/schedules".to_owned(),
        "/admin/tasks/tokens".to_owned(),
        "/admin/notifications".to_owned(),
    ];
    let browser = open(&showcase).await;
    let mut problems = Vec::new();
    for page in &pages {
        browser.goto(page).await;
        for width in WIDTHS {
            browser.resize(width, 900).await;
            let script = format!("const WIDTH = {width};{OUTSIDE}");
            let found = browser.script(&script).await;
            if found != json!([]) {
                problems.push(format!(
                    "{} at {width}: {found}",
                    &page[..page.len().min(80)]
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    browser.close().await;
}

/// Returns the number of columns that an element's children are arranged in.
async fn columns(browser: &Chromium, css: &str) -> Value {
    let script = format!(
        "return new Set([...document.querySelectorAll('{css} > *')].map((node) => Math.round(node.getBoundingClientRect().left))).size"
    );
    browser.script(&script).await
}

#[tokio::test]
async fn cards_fill_rows_and_the_icon_rail_does_not_overflow() {
    let showcase = DemoPortal::start().await;
    let filled = showcase
        .admin
        .post("/admin/overview/examples", &json!({}))
        .await;
    assert_eq!(filled.status, 303);
    let browser = open(&showcase).await;
    browser.goto("/admin/overview").await;
    for (width, expected) in [
        (1440, 4),
        (1280, 4),
        (1024, 2),
        (768, 2),
        (600, 2),
        (390, 1),
    ] {
        browser.resize(width, 900).await;
        assert_eq!(
            columns(&browser, ".pt-grid:has(> .pt-stat)").await,
            expected,
            "{width}"
        );
    }
    let rail = json!({"name": "portal_rail", "value": "narrow", "url": showcase.portal.url});
    browser.devtools("Network.setCookie", rail).await;
    browser.goto("/admin/overview").await;
    for width in [1024, 1280, 1440] {
        browser.resize(width, 900).await;
        let spills = "const side = document.querySelector('.pt-side').getBoundingClientRect(); \
            const search = document.querySelector('.pt-side .pt-palette-btn').getBoundingClientRect(); \
            return side.width > 100 || search.left < side.left || search.right > side.right";
        assert_eq!(browser.script(spills).await, false, "{width}");
        assert_eq!(columns(&browser, ".pt-charts").await, 2, "{width}");
        let heights = "return new Set([...document.querySelectorAll('.pt-charts > *')].slice(0, 2).map((node) => node.offsetHeight)).size";
        assert_eq!(browser.script(heights).await, 1, "{width}");
    }
    browser.close().await;
}

#[tokio::test]
async fn headers_of_long_tables_stay_in_view() {
    let showcase = DemoPortal::start().await;
    let filled = showcase
        .admin
        .post("/admin/overview/examples", &json!({}))
        .await;
    assert_eq!(filled.status, 303);
    let browser = open(&showcase).await;
    browser.resize(1280, 700).await;
    browser.goto("/admin/users?per_page=50").await;
    let tops = "scrollTo(0, 1200); const head = document.querySelector('.pt-table th').getBoundingClientRect(); \
        return [scrollY > 500, Math.round(head.top)]";
    assert_eq!(browser.script(tops).await, json!([true, 0]));
    browser.close().await;
}

#[tokio::test]
async fn touch_targets_are_forty_pixels_high() {
    let showcase = DemoPortal::start().await;
    let browser = open(&showcase).await;
    browser
        .devtools(
            "Emulation.setTouchEmulationEnabled",
            json!({"enabled": true}),
        )
        .await;
    browser.resize(390, 900).await;
    let small = r#"
const target = (node) => node.matches("input") ? node.closest("label") ?? node : node;
const wanted = "main :is(.pt-btn,.pt-seg a,.pt-seg label,.pt-statuses a,.pt-tabs a,.pt-table th a,.pt-pages a,.pt-chip a,select,[data-check] input)";
return [...document.querySelectorAll(wanted)].map(target)
  .filter((node) => node.checkVisibility() && node.getBoundingClientRect().width > 1)
  .filter((node) => node.getBoundingClientRect().height < 39.5)
  .map((node) => `${node.outerHTML.slice(0, 90)} ${node.getBoundingClientRect().height}`);
"#;
    for page in [
        "/admin/overview",
        "/admin/users?filter[is_active]=true",
        "/admin/settings/subscription_feature",
        "/admin/tasks/all",
        "/admin/app-settings",
    ] {
        browser.goto(page).await;
        assert_eq!(
            browser
                .script("return matchMedia('(pointer:coarse)').matches")
                .await,
            true
        );
        assert_eq!(browser.script(small).await, json!([]), "{page}");
    }
    browser.close().await;
}

#[tokio::test]
async fn current_items_are_marked_with_forced_colors() {
    let showcase = DemoPortal::start().await;
    let browser = open(&showcase).await;
    let forced = json!({"features": [{"name": "forced-colors", "value": "active"}]});
    browser.devtools("Emulation.setEmulatedMedia", forced).await;
    let unmarked = "const all = [...document.querySelectorAll('main [aria-current]:not(li)')]; \
        const plain = all.filter((node) => getComputedStyle(node).outlineStyle === 'none'); \
        return [all.length > 0, plain.map((node) => node.outerHTML)]";
    for page in [
        "/admin/tasks/all",
        "/admin/settings",
        "/admin/tasks/statistics",
        "/admin/users",
    ] {
        browser.goto(page).await;
        assert_eq!(browser.script(unmarked).await, json!([true, []]), "{page}");
    }
    browser.close().await;
}

#[tokio::test]
async fn sparklines_have_the_color_of_charts() {
    let showcase = DemoPortal::start().await;
    let browser = open(&showcase).await;
    let colors = "const line = document.querySelector('.pt-spark'); \
        const series = document.createElement('i'); series.dataset.series = '1'; \
        document.querySelector('main').append(series); \
        return [getComputedStyle(line).stroke, getComputedStyle(series).color]";
    let mut seen = Vec::new();
    for scheme in ["light", "dark"] {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.devtools("Emulation.setEmulatedMedia", media).await;
        browser.goto("/admin/overview").await;
        browser.find("main .pt-spark").await;
        let colors = browser.script(colors).await;
        assert_eq!(colors[0], colors[1], "{scheme}");
        seen.push(colors);
    }
    assert_ne!(seen[0], seen[1], "both color schemes were rendered");
    browser.close().await;
}

#[tokio::test]
async fn extended_letters_load_their_font_and_others_do_not() {
    let showcase = DemoPortal::start().await;
    let browser = open(&showcase).await;
    let fonts = async || {
        let loaded = browser.loaded().await;
        let fonts = loaded.iter().filter(|it| it.url.contains("geist-ext"));
        fonts.count()
    };
    browser.goto("/admin/users").await;
    browser
        .script_that_waits(
            "document.fonts.ready.then(() => arguments[0]())",
            Vec::new(),
        )
        .await;
    assert_eq!(fonts().await, 0);
    let person =
        json!({"email": "lukasz@example.com", "first_name": "Łukasz", "last_name": "Wiśniewski"});
    let token = showcase.portal.guest().post("/dev/token", &person).await;
    let token = token.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    let lukasz = Client::new(&showcase.portal.url, Some(token));
    assert_eq!(lukasz.get("/api/auth/me").await.status, 200);
    browser.goto("/admin/users").await;
    browser.see("Łukasz").await;
    eventually("the font of the extended letters is loaded", async || {
        let check = "return document.fonts.check('14px Geist', 'Łś')";
        (browser.script(check).await == true).then_some(())
    })
    .await;
    assert!(fonts().await >= 1);
    browser.close().await;
}
