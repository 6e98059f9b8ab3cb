//! Size budgets for pages: the first load and later loads.

use std::collections::HashMap;

use brotli::enc::BrotliEncoderParams;
use reqwest::header::ACCEPT_ENCODING;
use scraper::{Html, Selector};
use serde_json::json;

use crate::support::{Chromium, Client, DemoPortal, Loaded};

/// Maximum compressed size of a document and its files, in bytes.
const FIRST_LOAD: usize = 64 * 1024;
const REQUESTS: usize = 7;
const DOCUMENT: usize = 10 * 1024;

/// Compressed sizes of the files that all pages share, by URL.
#[derive(Default)]
struct Files {
    sizes: HashMap<String, usize>,
}

impl Files {
    /// Returns the URL of the second font file, as found in the style sheet.
    async fn extended_font(&self, client: &Client, references: &[String]) -> String {
        let sheet = references
            .iter()
            .find(|it| it.contains("/portal.") && it.ends_with(".css"));
        let sheet = sheet.expect("every page has the style sheet");
        let css = client.get(sheet).await.text;
        let name = css
            .split("url(")
            .filter_map(|it| it.split(')').next())
            .find(|it| it.starts_with("geist-ext"));
        let (folder, _) = sheet.rsplit_once('/').expect("the URL has a folder");
        format!("{folder}/{}", name.expect("the style sheet names the font"))
    }

    /// Returns the size that the file has in a release build; debug builds compress less.
    async fn size(&mut self, client: &Client, path: &str) -> usize {
        if let Some(size) = self.sizes.get(path) {
            return *size;
        }
        let request = client.request(reqwest::Method::GET, path);
        let response = request.send().await.expect("the portal responds");
        assert_eq!(response.status(), 200, "{path}");
        let plain = response.bytes().await.expect("the body can be read");
        let size = if path.ends_with(".woff2") {
            plain.len()
        } else {
            brotli(&plain)
        };
        self.sizes.insert(path.to_owned(), size);
        size
    }
}

/// Returns `true` if the text needs the second font file, which other pages do not load.
fn has_extended_letters(text: &str) -> bool {
    text.chars().any(|letter| {
        matches!(letter, '\u{100}'..='\u{130}' | '\u{132}'..='\u{151}' | '\u{154}'..='\u{24f}' | '\u{1e00}'..='\u{1e9f}')
    })
}

fn brotli(plain: &[u8]) -> usize {
    let params = BrotliEncoderParams {
        quality: 11,
        lgwin: 18,
        ..BrotliEncoderParams::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*plain, &mut packed, &params).expect("writing to memory succeeds");
    packed.len()
}

/// Returns the compressed size of a page and its text.
async fn document(client: &Client, path: &str) -> (usize, String) {
    let ask = |coding: &'static str| {
        let request = client.request(reqwest::Method::GET, path);
        let request = request
            .header("accept", "text/html")
            .header(ACCEPT_ENCODING, coding);
        async { request.send().await.expect("the portal responds") }
    };
    let packed = ask("br, gzip").await;
    assert_eq!(packed.status(), 200, "{path}");
    assert_eq!(packed.headers()["content-encoding"], "gzip", "{path}");
    let packed = packed.bytes().await.expect("the body can be read").len();
    let plain = ask("identity").await;
    assert!(!plain.headers().contains_key("content-encoding"), "{path}");
    (packed, plain.text().await.expect("the body is text"))
}

/// Returns the paths of the files that the document loads.
fn references(document: &str) -> Vec<String> {
    let page = Html::parse_document(document);
    let all = "link[href], script[src], img[src]";
    let all = Selector::parse(all).expect("selector is valid");
    let addresses = page.select(&all).filter_map(|element| {
        let element = element.value();
        element.attr("href").or_else(|| element.attr("src"))
    });
    addresses
        .filter(|address| address.starts_with('/'))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn first_load_of_every_page_is_within_its_budget() {
    let showcase = DemoPortal::start().await;
    // Demo data fills the lists and charts.
    let filled = showcase
        .admin
        .post("/admin/overview/examples", &json!({}))
        .await;
    assert_eq!(filled.status, 303, "{}", filled.text);
    let guest = showcase.portal.guest();
    let mut files = Files::default();
    let mut errors = Vec::new();
    for admin in [false, true] {
        let client = if admin { &showcase.admin } else { &guest };
        // The gallery is exempt: it shows every component at once and exists in development only.
        let pages = showcase.pages_of(admin).into_iter();
        for path in pages.filter(|path| !path.starts_with("/dev/")) {
            let (size, text) = document(client, path).await;
            let mut references = references(&text);
            if has_extended_letters(&text) {
                references.push(files.extended_font(client, &references).await);
            }
            assert!(references.len() >= 3, "{path}: {references:?}");
            let mut total = size;
            for reference in &references {
                total += files.size(client, reference).await;
            }
            let requests = references.len() + 1;
            if total > FIRST_LOAD || size > DOCUMENT || requests > REQUESTS {
                errors.push(format!(
                    "{path} makes {requests} requests for {total} bytes, {size} of them for the document"
                ));
            }
        }
    }
    assert!(errors.is_empty(), "{errors:#?}\n{:#?}", files.sizes);
}

fn of_portal(loaded: &[Loaded]) -> Vec<String> {
    let asked = loaded.iter().filter(|loaded| !loaded.cached);
    asked
        .map(|loaded| format!("{} {}", loaded.kind, loaded.url))
        .collect()
}

#[tokio::test]
async fn later_loads_request_only_the_document() {
    let showcase = DemoPortal::start().await;
    let pages = [
        "/",
        "/admin/overview",
        "/admin/tasks",
        "/admin/tasks/all",
        "/admin/users",
    ];
    for path in pages {
        let browser = Chromium::open(&showcase.portal.url).await;
        browser.use_session(showcase.session()).await;
        browser.loaded().await;
        browser.goto(path).await;
        let first = of_portal(&browser.loaded().await);
        assert!(first.len() <= REQUESTS, "{path}: {first:#?}");
        assert!(first.len() >= 3, "{path}: {first:#?}");

        browser.goto("/admin/about").await;
        browser.loaded().await;
        browser.goto(path).await;
        let mut again = of_portal(&browser.loaded().await);
        // The event stream is not a cacheable file.
        again.retain(|line| !line.starts_with("EventSource ") && !line.starts_with("Fetch "));
        assert_eq!(again.len(), 1, "{path}: {again:#?}");
        assert!(
            again.iter().all(|line| line.starts_with("Document ")),
            "{again:#?}"
        );
        browser.close().await;
    }
}
