//! Builtin assets: style sheets, scripts, fonts and logo, under content-based names.
//!
//! `cargo xtask assets` bundles the style sheets and scripts from `assets/src`.
//!
//! All files are compressed once, at the highest level, while the portal starts. A request for a
//! file that is not compressed yet waits until it is.

use std::sync::{LazyLock, OnceLock};

use axum::{
    body::{Body, Bytes},
    extract::Path,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::encoding::{accepts_coding, brotli, gzip};
use crate::auth::{Access, Routes};

/// Path prefix under which [`serve`] responds, below the portal's base path.
pub(crate) const PREFIX: &str = "/_portal/assets/";

/// Public name and content of each asset. A file precedes the files that refer to it.
const SERVED: &[(&str, &[&[u8]])] = &[
    (
        "geist.woff2",
        &[include_bytes!(
            "../../assets/vendor/geist-latin-wght-normal.woff2"
        )],
    ),
    (
        "geist-ext.woff2",
        &[include_bytes!(
            "../../assets/vendor/geist-latin-ext-wght-normal.woff2"
        )],
    ),
    ("logo.svg", &[include_bytes!("../../assets/logo.svg")]),
    // Loaded by the task pages.
    (
        "tasks.css",
        &[include_bytes!("../../assets/dist/tasks.css")],
    ),
    ("tasks.js", &[include_bytes!("../../assets/dist/tasks.js")]),
    // Loaded by the pages whose markup requires them: `Stylesheet` and `pt-lazy-assets`.
    (
        "chart.css",
        &[include_bytes!("../../assets/dist/chart.css")],
    ),
    (
        "charts.js",
        &[include_bytes!("../../assets/dist/charts.js")],
    ),
    ("lists.js", &[include_bytes!("../../assets/dist/lists.js")]),
    (
        "table.css",
        &[include_bytes!("../../assets/dist/table.css")],
    ),
    (
        "widgets.css",
        &[include_bytes!("../../assets/dist/widgets.css")],
    ),
    (
        "widgets.js",
        &[include_bytes!("../../assets/dist/widgets.js")],
    ),
    // Loaded by the search button.
    (
        "palette.js",
        &[include_bytes!("../../assets/dist/palette.js")],
    ),
    // Each loaded by one page only.
    (
        "error.css",
        &[include_bytes!("../../assets/dist/error.css")],
    ),
    (
        "gallery.css",
        &[include_bytes!("../../assets/dist/gallery.css")],
    ),
    (
        "picker.css",
        &[include_bytes!("../../assets/dist/picker.css")],
    ),
    ("site.css", &[include_bytes!("../../assets/dist/site.css")]),
    (
        TOKENS_FULL,
        &[include_bytes!("../../assets/dist/tokens-full.css")],
    ),
    // Loaded by every page.
    (
        "portal.css",
        &[include_bytes!("../../assets/dist/portal.css")],
    ),
    (
        "portal.js",
        &[include_bytes!("../../assets/dist/portal.js")],
    ),
    (
        LICENSES,
        &[
            include_bytes!("../../assets/vendor/LICENSE-geist.txt"),
            include_bytes!("../../assets/vendor/LICENSE-htmx.txt"),
            include_bytes!("../../assets/vendor/LICENSE-lucide.txt"),
            include_bytes!("../../assets/vendor/LICENSE-radix-colors.txt"),
        ],
    ),
];

const TOKENS_FULL: &str = "tokens-full.css";
const LICENSES: &str = "licenses.txt";

struct Asset {
    name: &'static str,
    url: String,
    etag: HeaderValue,
    media_type: &'static str,
    plain: Bytes,
    brotli: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let mut assets = Vec::with_capacity(SERVED.len());
    for &(name, parts) in SERVED {
        assets.push(Asset::new(name, parts.concat(), &assets));
    }
    assets
});

/// Returns the media type of a file name.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "woff2")) => FONT,
        _ => "text/plain; charset=utf-8",
    }
}

const FONT: &str = "font/woff2";

/// Replaces `@name` with the file name under which that asset is served.
///
/// The references are relative so that they work below any base path.
fn with_hashed_names(bytes: Vec<u8>, assets: &[Asset]) -> Vec<u8> {
    let Ok(mut text) = String::from_utf8(bytes) else {
        return Vec::new();
    };
    for asset in assets {
        let reference = format!("@{}", asset.name);
        if text.contains(&reference) {
            text = text.replace(&reference, asset.url.trim_start_matches(PREFIX));
        }
    }
    text.into_bytes()
}

/// Returns eight hex digits of a folded FNV-1a hash: enough to distinguish versions of a file.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

impl Asset {
    /// Hashes an asset after replacing its references to other assets.
    fn new(name: &'static str, mut bytes: Vec<u8>, others: &[Self]) -> Self {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
        if matches!(extension, "css" | "js") {
            bytes = with_hashed_names(bytes, others);
        }
        let hash = fingerprint(&bytes);
        Self {
            name,
            url: format!("{PREFIX}{stem}.{hash}.{extension}"),
            etag: HeaderValue::try_from(format!("\"{hash}\""))
                .unwrap_or(HeaderValue::from_static("\"\"")),
            media_type: media_type(name),
            plain: Bytes::from(bytes),
            brotli: OnceLock::new(),
            gzip: OnceLock::new(),
        }
    }

    fn brotli(&self) -> &Bytes {
        self.brotli.get_or_init(|| Bytes::from(brotli(&self.plain)))
    }

    fn gzip(&self) -> &Bytes {
        self.gzip.get_or_init(|| Bytes::from(gzip(&self.plain)))
    }

    /// Returns `true` if compression helps; fonts are already compressed.
    fn is_text(&self) -> bool {
        self.media_type != FONT
    }

    /// Returns the smallest encoding that the client accepts, with its `Content-Encoding`.
    async fn encoded(&'static self, request: &HeaderMap) -> (Bytes, Option<&'static str>) {
        for (coding, ready, make) in [
            ("br", &self.brotli, Self::brotli as fn(&Self) -> &Bytes),
            ("gzip", &self.gzip, Self::gzip),
        ] {
            if !self.is_text() || !accepts_coding(request, coding) {
                continue;
            }
            let bytes = match ready.get() {
                Some(bytes) => bytes.clone(),
                // Compression is slow, so it must not block the threads that serve requests.
                None => tokio::task::spawn_blocking(move || make(self).clone())
                    .await
                    .unwrap_or_default(),
            };
            if !bytes.is_empty() {
                return (bytes, Some(coding));
            }
        }
        (self.plain.clone(), None)
    }
}

/// Compresses all files in a separate thread, so that no request waits for it.
///
/// Debug builds compress each file on first request, since many such builds never serve a page.
pub(crate) fn prepare() {
    if cfg!(debug_assertions) {
        return;
    }
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let thread = std::thread::Builder::new().name("portal-assets".to_owned());
        let started = thread.spawn(|| {
            for asset in ASSETS.iter().filter(|asset| asset.is_text()) {
                asset.brotli();
                asset.gzip();
            }
        });
        if let Err(error) = started {
            tracing::warn!(%error, "failed to start the compression thread; files are compressed on first request");
        }
    });
}

/// Returns the path of a style sheet with all remaining steps in the color scales.
///
/// The portal itself does not use these steps: `--accent-1`, `--accent-7` to `--accent-12` and
/// `--gray-7` to `--gray-10`. The path excludes the base path.
///
/// ```
/// let link = maud::html! { link rel="stylesheet" href=(portal_core::pages::assets::full_scales_path()); };
/// assert!(link.0.contains("/_portal/assets/tokens-full."));
/// ```
#[must_use]
pub fn full_scales_path() -> &'static str {
    url(TOKENS_FULL)
}

/// Returns the path of the licenses of third-party assets, without the base path.
///
/// They cover the font, htmx, the icons and the color scales.
///
/// ```
/// assert!(portal_core::pages::assets::licenses_path().ends_with(".txt"));
/// ```
#[must_use]
pub fn licenses_path() -> &'static str {
    url(LICENSES)
}

/// Returns the path of an asset, below the base path: `/_portal/assets/portal.0a1b2c3d.css`.
///
/// Returns an empty string for an unknown name.
pub(crate) fn url(name: &str) -> &'static str {
    ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .map_or("", |asset| &asset.url)
}

/// Returns the file name of an asset, for elements that list the assets a script must load.
pub(crate) fn file(name: &str) -> &'static str {
    url(name).trim_start_matches(PREFIX)
}

/// Returns the logo as a data URL for the browser tab.
///
/// A separate file would have the same size and cost every visitor an additional request.
pub(super) fn icon() -> &'static str {
    const QUOTED: &AsciiSet = &CONTROLS
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'&')
        .add(b'<')
        .add(b'>');
    static ICON: LazyLock<String> = LazyLock::new(|| {
        let logo = ASSETS.iter().find(|asset| asset.name == "logo.svg");
        let logo = logo.map_or(Bytes::new(), |logo| logo.plain.clone());
        let quoted = percent_encode(logo.trim_ascii(), QUOTED);
        format!("data:image/svg+xml,{quoted}")
    });
    &ICON
}

/// Returns the route that serves the assets.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(format!("{PREFIX}{{file}}"), Access::Public, serve)
        .asset()
        .exempt_from_maintenance()
}

/// Serves `GET /_portal/assets/{file}`.
pub(crate) async fn serve(Path(file): Path<String>, request: HeaderMap) -> Response<Body> {
    let found = ASSETS
        .iter()
        .find(|asset| asset.url.strip_prefix(PREFIX) == Some(file.as_str()));
    let Some(asset) = found else {
        let mut response = Response::new(Body::from("not found"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|value| value == asset.etag);
    let (body, coding) = if known {
        (Bytes::new(), None)
    } else {
        asset.encoded(&request).await
    };
    let mut response = Response::new(Body::from(body));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(asset.media_type),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    headers.insert(header::ETAG, asset.etag.clone());
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_has_a_url_and_content() {
        assert_eq!(ASSETS.len(), SERVED.len());
        for asset in ASSETS.iter() {
            assert!(
                asset.url.starts_with(PREFIX) && !asset.plain.is_empty(),
                "{}",
                asset.name
            );
            assert_eq!(url(asset.name), asset.url);
        }
    }

    /// Returns the content of a text asset.
    fn text_of(name: &str) -> &'static str {
        let asset = ASSETS.iter().find(|asset| asset.name == name).unwrap();
        std::str::from_utf8(&asset.plain).unwrap()
    }

    #[test]
    fn references_between_assets_have_hashed_names() {
        for (source, name) in [
            ("portal.css", "geist.woff2"),
            ("portal.css", "geist-ext.woff2"),
            ("portal.js", "charts.js"),
            ("portal.js", "tasks.js"),
        ] {
            let text = text_of(source);
            assert!(text.contains(file(name)), "{source}: {name}");
            assert!(!text.contains(&format!("@{name}")), "{source}: {name}");
        }
    }

    /// Returns `true` if the table directory of a WOFF2 file lists `prep`, table number 12.
    fn has_prep(font: &[u8]) -> bool {
        let tables = u16::from_be_bytes([font[12], font[13]]);
        let mut rest = font[48..].iter();
        let skip_number = |rest: &mut std::slice::Iter<'_, u8>| {
            let _ = rest.find(|byte| **byte < 0x80);
        };
        (0..tables).any(|_| {
            let flags = *rest.next().unwrap();
            let (table, version) = (flags & 0x3f, flags >> 6);
            if table == 63 {
                rest.nth(3);
            }
            skip_number(&mut rest);
            // Transformed tables have a second length; `glyf` and `loca` are transformed by
            // default.
            let plain = if matches!(table, 10 | 11) { 3 } else { 0 };
            if version != plain {
                skip_number(&mut rest);
            }
            table == 12
        })
    }

    #[test]
    fn fonts_keep_the_prep_table_that_disables_auto_hinting() {
        for name in ["geist.woff2", "geist-ext.woff2"] {
            let asset = ASSETS.iter().find(|asset| asset.name == name).unwrap();
            assert!(has_prep(&asset.plain), "{name}");
        }
    }

    #[test]
    fn extended_font_covers_its_unicode_range() {
        let manifest = include_str!("../../assets/vendor/MANIFEST.toml");
        let css = include_str!("../../assets/src/css/portal/base.css");
        let (_, entry) = manifest.split_once("geist-latin-ext-wght-normal").unwrap();
        let (_, letters) = entry.split_once("letters = \"").unwrap();
        let (letters, _) = letters.split_once('"').unwrap();
        let (_, range) = css.split_once("unicode-range:").unwrap();
        let (range, _) = range.split_once(';').unwrap();
        let range = range.split_whitespace().collect::<String>();
        assert_eq!(letters.replace("U+0", "U+").replace("-0", "-"), range);
    }

    #[test]
    fn asset_sizes_stay_within_their_budget() {
        // An integration test limits the first load of every page to 64 KB.
        for (name, limit) in [
            ("geist.woff2", 18 * 1024),
            ("geist-ext.woff2", 11 * 1024),
            ("portal.css", 11_800),
            ("portal.js", 19_400),
            ("charts.js", 1000),
            ("lists.js", 2000),
            ("palette.js", 2700),
            ("tasks.js", 5300),
            ("widgets.js", 2800),
        ] {
            let asset = ASSETS.iter().find(|asset| asset.name == name).unwrap();
            let out = crate::pages::encoding::brotli_of(&asset.plain, 11);
            assert!(out.len() <= limit, "{name} is {} bytes", out.len());
        }
    }

    #[test]
    fn licenses_of_all_vendored_files_are_served() {
        let text = text_of(LICENSES);
        let vendor = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/vendor");
        let manifest = include_str!("../../assets/vendor/MANIFEST.toml");
        let files = manifest
            .lines()
            .filter_map(|line| line.strip_prefix("license_text = \""));
        let mut found = 0;
        for file in files {
            let license = std::fs::read_to_string(vendor.join(file.trim_end_matches('"'))).unwrap();
            assert!(text.contains(&license), "{file}");
            found += 1;
        }
        assert_eq!(found, 4);
    }

    #[tokio::test]
    async fn asset_is_compressed_on_request_and_immutable() {
        let file = url("portal.css").trim_start_matches(PREFIX).to_owned();
        let mut request = HeaderMap::new();
        request.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("gzip, br;q=0"),
        );
        let response = serve(Path(file.clone()), request.clone()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert!(
            response.headers()[header::CACHE_CONTROL]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        request.insert(
            header::IF_NONE_MATCH,
            response.headers()[header::ETAG].clone(),
        );
        assert_eq!(serve(Path(file), request.clone()).await.status(), 304);
        assert_eq!(
            serve(Path("vendor/MANIFEST.toml".to_owned()), request)
                .await
                .status(),
            404
        );
    }
}
