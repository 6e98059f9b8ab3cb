//! Brand assets: validates, builds and hashes the files of a brand.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response};
use axum::response::IntoResponse;

use super::accent::AccentTokens;
use super::color::Rgb;
use super::file::BrandFile;
use super::{Brand, Font, PREFIX};
use crate::auth::{Access, Routes};
use crate::error::Error;
use crate::pages::render::PageRenderer;
use crate::pages::theme::Gray;
use crate::state::PortalState;

/// Maximum size of a font or image, in bytes.
///
/// Larger files load slowly and are most likely a mistake.
const MAX_BYTES: usize = 512 * 1024;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(format!("{PREFIX}{{file}}"), Access::Public, serve)
        .asset()
        .exempt_from_maintenance()
}

async fn serve(
    State(state): State<PortalState>,
    Path(file): Path<String>,
    request: HeaderMap,
) -> Response<Body> {
    let setup = state.borrow::<PageRenderer>().ok();
    let found = setup.and_then(|setup| setup.brand.all().find(|known| known.name() == file));
    match found {
        Some(file) => file.respond(&request),
        None => Error::not_found("file not found").into_response(),
    }
}

/// Paths to the files of a validated [`Brand`], for custom layouts.
///
/// All paths exclude the base path; [`PageContext::url`](crate::pages::PageContext::url) prepends
/// it.
#[derive(Default)]
pub struct BrandAssets {
    style: Option<BrandFile>,
    logo: Option<BrandFile>,
    favicon: Option<BrandFile>,
    font: Option<BrandFile>,
    /// Gray that is paired with the accent color.
    gray: Option<Gray>,
    has_font: bool,
    language: Option<Cow<'static, str>>,
    right_to_left: bool,
}

impl std::fmt::Debug for BrandAssets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let urls: Vec<_> = self.all().map(BrandFile::url).collect();
        f.debug_tuple("BrandAssets").field(&urls).finish()
    }
}

impl BrandAssets {
    /// Returns the path of the style sheet with the brand's color, font and custom styles.
    #[must_use]
    pub fn style_url(&self) -> Option<&str> {
        self.style.as_ref().map(BrandFile::url)
    }

    /// Returns the path of the logo.
    #[must_use]
    pub fn logo_url(&self) -> Option<&str> {
        self.logo.as_ref().map(BrandFile::url)
    }

    /// Returns the path and media type of the tab icon; the logo if no favicon is set.
    #[must_use]
    pub fn favicon(&self) -> Option<(&str, &'static str)> {
        let icon = self.favicon.as_ref().or(self.logo.as_ref())?;
        Some((icon.url(), icon.media_type()))
    }

    /// Returns the path of the custom font.
    #[must_use]
    pub fn font_url(&self) -> Option<&str> {
        self.font.as_ref().map(BrandFile::url)
    }

    /// Returns `true` if pages use a font other than the portal's default.
    #[must_use]
    pub fn has_font(&self) -> bool {
        self.has_font
    }

    /// Returns `true` if the brand has an accent color.
    #[must_use]
    pub fn has_accent(&self) -> bool {
        self.gray.is_some()
    }

    pub(crate) fn accent_gray(&self) -> Option<Gray> {
        self.gray
    }

    /// Returns the language of the text. Default: `en`.
    #[must_use]
    pub fn language(&self) -> &str {
        self.language.as_deref().unwrap_or("en")
    }

    /// Returns `true` if the text direction is right to left.
    #[must_use]
    pub fn right_to_left(&self) -> bool {
        self.right_to_left
    }

    fn all(&self) -> impl Iterator<Item = &BrandFile> {
        let all = [&self.style, &self.logo, &self.favicon, &self.font];
        all.into_iter().flatten()
    }
}

pub(super) fn prepare(brand: Brand) -> Result<BrandAssets, Vec<String>> {
    let mut problems = Vec::new();
    let mut assets = BrandAssets {
        language: brand.language,
        right_to_left: brand.right_to_left,
        ..BrandAssets::default()
    };
    let mut style = String::new();
    if let Some(hex) = brand.accent {
        match Rgb::parse(&hex) {
            Some(colour) => {
                let tokens = AccentTokens::derive(colour);
                assets.gray = Some(tokens.gray);
                let _ = writeln!(
                    style,
                    "@layer tokens{{[data-accent=brand]{{{}}}{}}}",
                    tokens.css(),
                    paired_gray(tokens.gray),
                );
            }
            None => problems.push(format!(
                "invalid accent color `{hex}` in the brand; use a hex color such as `#0f766e`"
            )),
        }
    }
    match brand.font {
        Font::Portal => {}
        Font::System => {
            assets.has_font = true;
            style.push_str("@layer base{:root{--font:system-ui,sans-serif}}\n");
        }
        Font::Own { family, woff2 } => {
            assets.has_font = true;
            problems.extend(font_problem(&family, &woff2));
            let font = BrandFile::new("font.woff2", "font/woff2", woff2.into_owned());
            // A relative URL, so that it works below any base path.
            let file = font.name();
            let _ = writeln!(
                style,
                "@font-face{{font-family:\"{family}\";src:url({file}) format(\"woff2\");\
                 font-weight:100 900;font-display:optional}}\n\
                 @layer base{{:root{{--font:\"{family}\",system-ui,sans-serif}}}}"
            );
            assets.font = Some(font);
        }
    }
    for css in &brand.css {
        match css_problem(css) {
            Some(problem) => problems.push(format!("invalid CSS in the brand: {problem}")),
            None => {
                let _ = writeln!(style, "@layer app{{\n{css}\n}}");
            }
        }
    }
    let mut image = |names: [&'static str; 2], bytes: Option<Cow<'static, [u8]>>| {
        let bytes = bytes?;
        match image_type(&bytes) {
            Ok(media_type) => {
                let [svg, png] = names;
                let name = if media_type == "image/png" { png } else { svg };
                Some(BrandFile::new(name, media_type, bytes.into_owned()))
            }
            Err(problem) => {
                problems.push(format!(
                    "invalid {} in the brand: {problem}",
                    names[0].trim_end_matches(".svg")
                ));
                None
            }
        }
    };
    assets.logo = image(["logo.svg", "logo.png"], brand.logo);
    assets.favicon = image(["favicon.svg", "favicon.png"], brand.favicon);
    if !style.is_empty() {
        let bytes = style.into_bytes();
        assets.style = Some(BrandFile::new(
            "brand.css",
            "text/css; charset=utf-8",
            bytes,
        ));
    }
    if problems.is_empty() {
        Ok(assets)
    } else {
        Err(problems)
    }
}

/// Returns the rule that gives `data-gray=auto` the tokens of the gray paired with the accent.
fn paired_gray(gray: Gray) -> String {
    let wanted = format!("[data-gray={gray}]");
    let mut lines = include_str!("../../../assets/tokens.css").lines();
    let body = lines.find_map(|line| {
        let (selector, body) = line.split_once('{')?;
        let is_it = selector.split(',').any(|part| part.trim() == wanted);
        is_it.then_some(body.split('}').next()?)
    });
    body.map(|body| format!("[data-gray=auto][data-accent=brand]{{{body}}}"))
        .unwrap_or_default()
}

fn font_problem(family: &str, woff2: &[u8]) -> Option<String> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    if family.trim().is_empty() || !family.chars().all(is_name) {
        return Some(format!(
            "invalid font family `{family}` in the brand; use letters, digits and spaces"
        ));
    }
    if !woff2.starts_with(b"wOF2") {
        let detail = "not a WOFF2 file; convert a TTF or OTF with `fonttools ttLib.woff2 compress`";
        return Some(format!("invalid font in the brand: {detail}"));
    }
    too_large(woff2).map(|problem| format!("invalid font in the brand: {problem}"))
}

fn too_large(bytes: &[u8]) -> Option<String> {
    (bytes.len() > MAX_BYTES).then(|| {
        format!(
            "{} KiB exceeds the limit of {} KiB",
            bytes.len() / 1024,
            MAX_BYTES / 1024
        )
    })
}

fn image_type(bytes: &[u8]) -> Result<&'static str, String> {
    if let Some(problem) = too_large(bytes) {
        return Err(problem);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok("image/png");
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("<svg") && text.trim_end().ends_with("</svg>") => {
            Ok("image/svg+xml")
        }
        _ => Err("neither an SVG nor a PNG".to_owned()),
    }
}

/// Finds syntax that would end the cascade layer around the styles, or does not work inside it.
fn css_problem(css: &str) -> Option<String> {
    let mut depth = 0_usize;
    let mut rest = css.chars().peekable();
    let mut line = 1;
    let mut quote: Option<char> = None;
    while let Some(c) = rest.next() {
        line += usize::from(c == '\n');
        match (quote, c) {
            (_, '\\') => drop(rest.next()),
            (Some(open), c) if c == open || c == '\n' => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '/') if rest.peek() == Some(&'*') => {
                let mut before = ' ';
                rest.next();
                loop {
                    match rest.next() {
                        Some('/') if before == '*' => break,
                        Some(c) => {
                            line += usize::from(c == '\n');
                            before = c;
                        }
                        None => return Some("unclosed comment".to_owned()),
                    }
                }
            }
            (None, '{') => depth += 1,
            (None, '}') => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return Some(format!("line {line}: unexpected `}}`")),
            },
            (None, '@') if depth == 0 => {
                let name: String = rest.clone().take_while(char::is_ascii_alphabetic).collect();
                if ["import", "charset", "namespace"].contains(&&*name.to_ascii_lowercase()) {
                    return Some(format!(
                        "line {line}: `@{name}` is only allowed in a separate file"
                    ));
                }
            }
            (None, _) => {}
        }
    }
    (depth > 0).then(|| format!("{depth} unclosed `{{`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>\n";
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....";

    fn text(asset: Option<&BrandFile>) -> String {
        asset.unwrap().text().to_owned()
    }

    #[test]
    fn brand_becomes_one_style_sheet_and_its_files() {
        let brand = Brand::new()
            .accent_color("#0f766e")
            .logo(SVG)
            .favicon(PNG)
            .font("Inter Tight", b"wOF2....".as_slice())
            .css(".a{color:red}")
            .css("@media (width<9px){.b{c:d}}");
        let assets = brand.prepare().unwrap();
        let css = text(assets.style.as_ref());
        for part in [
            "[data-accent=brand]{--accent-2:",
            "[data-gray=auto][data-accent=brand]{--gray-1:",
            "--font:\"Inter Tight\"",
            "@layer app{\n.a{color:red}\n}",
            ".b{c:d}",
        ] {
            assert!(css.contains(part), "{part}: {css}");
        }
        let font = assets.font_url().unwrap().trim_start_matches(PREFIX);
        assert!(css.contains(&format!("url({font})")), "{css}");
        assert!(assets.logo_url().unwrap().ends_with(".svg"));
        assert_eq!(assets.favicon().unwrap().1, "image/png");
        assert!(assets.has_font() && assets.has_accent());
    }

    #[test]
    fn empty_brand_has_no_files() {
        let assets = Brand::new().prepare().unwrap();
        assert_eq!(assets.all().count(), 0);
        assert_eq!((assets.language(), assets.has_font()), ("en", false));
        let system = Brand::new().system_font().prepare().unwrap();
        assert!(system.has_font() && system.font_url().is_none());
    }

    #[test]
    fn every_invalid_part_is_reported_with_a_remedy() {
        let brand = Brand::new()
            .accent_color("teal")
            .logo(b"GIF89a".as_slice())
            .favicon(vec![0; MAX_BYTES + 1])
            .font("a\"b", b"wOF2".as_slice())
            .css("}");
        let problems = brand.prepare().unwrap_err();
        for (problem, part) in problems.iter().zip([
            "`teal` in the brand; use a hex color such as `#0f766e`",
            "use letters, digits and spaces",
            "line 1: unexpected `}`",
            "invalid logo in the brand: neither an SVG nor a PNG",
            "invalid favicon in the brand: 512 KiB",
        ]) {
            assert!(problem.contains(part), "{problem}");
        }
        assert_eq!(problems.len(), 5);
        let ttf = Brand::new().font("A", b"\0\x01\0\0".as_slice());
        assert!(ttf.prepare().unwrap_err()[0].contains("not a WOFF2"));
    }

    #[test]
    fn styles_that_leave_their_layer_are_rejected() {
        for css in [
            "",
            "a{b:c}",
            "a{content:\"}\"}",
            "/* } */",
            "a{b:'\\'}'}",
            "@media x{a{}}",
        ] {
            assert_eq!(css_problem(css), None, "{css}");
        }
        for css in ["}", "a{", "a{}}", "/* ", "@import 'x';", "@CHARSET 'x';"] {
            assert!(css_problem(css).is_some(), "{css}");
        }
    }
}
