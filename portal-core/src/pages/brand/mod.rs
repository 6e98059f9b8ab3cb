//! What is an application's own in the look of its portal: colour, logo, font, style sheet.

mod accent;
mod assets;
mod color;
mod file;

use std::borrow::Cow;

pub use assets::BrandAssets;
pub(crate) use assets::routes;

/// Where the files of a brand are served, below the portal's base path.
const PREFIX: &str = "/_portal/brand/";

/// What an application gives its portal of its own: an accent colour, a logo, a font, styles.
///
/// What readers may choose is the [`Theme`](super::Theme); what is the same for all of them is here.
/// Everything is part of the program and served by it, under names that change with the content.
///
/// ```
/// use portal_core::pages::Brand;
/// use portal_core::Portal;
///
/// const LOGO: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><circle r="9" cx="12" cy="12"/></svg>"#;
/// let brand = Brand::new()
///     .accent_color("#0f766e")
///     .logo(LOGO.as_bytes())
///     .css(".pt-brand { letter-spacing: 0.02em }");
/// let builder = Portal::builder().brand(brand);
/// ```
///
/// What cannot be used, such as a colour that is none, is named when the portal is built.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Brand {
    accent: Option<Cow<'static, str>>,
    logo: Option<Cow<'static, [u8]>>,
    favicon: Option<Cow<'static, [u8]>>,
    font: Font,
    css: Vec<Cow<'static, str>>,
    language: Option<Cow<'static, str>>,
    right_to_left: bool,
}

#[derive(Debug, Clone, Default)]
enum Font {
    #[default]
    Portal,
    System,
    Own {
        family: Cow<'static, str>,
        woff2: Cow<'static, [u8]>,
    },
}

impl Brand {
    /// The portal's own look.
    pub fn new() -> Self {
        Self::default()
    }

    /// A colour, such as `#0f766e`, as the accent of everyone who has not chosen another: buttons,
    /// links and selections in light and dark, with shades that can be read in both. Readers find
    /// it as the first of the swatches.
    pub fn accent_color(mut self, hex: impl Into<Cow<'static, str>>) -> Self {
        self.accent = Some(hex.into());
        self
    }

    /// An SVG or PNG in the place of the portal's logo, and as the icon of the tab if there is no
    /// [`favicon`](Self::favicon). It is shown at 24 px in light and dark.
    pub fn logo(mut self, image: impl Into<Cow<'static, [u8]>>) -> Self {
        self.logo = Some(image.into());
        self
    }

    /// An SVG or PNG as the icon of the tab.
    pub fn favicon(mut self, image: impl Into<Cow<'static, [u8]>>) -> Self {
        self.favicon = Some(image.into());
        self
    }

    /// A font in the place of Geist: the name of its family, and the file in the format WOFF2. A
    /// variable font serves all weights; of another, the browser makes the bold ones up.
    pub fn font(
        mut self,
        family: impl Into<Cow<'static, str>>,
        woff2: impl Into<Cow<'static, [u8]>>,
    ) -> Self {
        self.font = Font::Own {
            family: family.into(),
            woff2: woff2.into(),
        };
        self
    }

    /// The font of the reader's system, which saves 18 KB at the first visit.
    pub fn system_font(mut self) -> Self {
        self.font = Font::System;
        self
    }

    /// More styles, on every page. They stand in a cascade layer after the portal's, so a plain
    /// selector of theirs wins over any of the portal's. Several are taken one after the other.
    pub fn css(mut self, css: impl Into<Cow<'static, str>>) -> Self {
        self.css.push(css.into());
        self
    }

    /// The language of the application's texts, as in `<html lang>`: `en` if nothing is said.
    pub fn language(mut self, tag: impl Into<Cow<'static, str>>) -> Self {
        self.language = Some(tag.into());
        self
    }

    /// The texts run from right to left, and so does the layout.
    pub fn right_to_left(mut self) -> Self {
        self.right_to_left = true;
        self
    }

    /// Everything as it is served; or what cannot be used, a line each.
    pub(crate) fn prepare(self) -> Result<BrandAssets, Vec<String>> {
        assets::prepare(self)
    }
}
