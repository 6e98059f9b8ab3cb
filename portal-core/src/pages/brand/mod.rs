//! Brand: the color, logo, font and styles that an application adds to its portal.

mod accent;
mod assets;
mod color;
mod file;

use std::borrow::Cow;

pub use assets::BrandAssets;
pub(crate) use assets::routes;

/// Path prefix of brand files, below the portal's base path.
const PREFIX: &str = "/_portal/brand/";

/// Visual identity of an application: accent color, logo, font and custom styles.
///
/// A brand is the same for all users; the [`Theme`](super::Theme) is what users can change. All
/// files are embedded in the binary and served under names that change with their content.
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
/// Building the portal fails with a list of all invalid values, such as malformed colors.
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
    /// Creates a brand without customizations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the accent color, such as `#0f766e`, for all users who have not chosen a different one.
    ///
    /// It colors buttons, links and selections in light and dark, with shades that are readable in
    /// both. The theme form shows it as the first swatch.
    pub fn accent_color(mut self, hex: impl Into<Cow<'static, str>>) -> Self {
        self.accent = Some(hex.into());
        self
    }

    /// Sets the logo: an SVG or PNG of at most 512 KiB. Default: the portal's logo.
    ///
    /// It is shown at 24 px in light and dark, and as the tab icon if no [`favicon`](Self::favicon)
    /// is set.
    pub fn logo(mut self, image: impl Into<Cow<'static, [u8]>>) -> Self {
        self.logo = Some(image.into());
        self
    }

    /// Sets the tab icon: an SVG or PNG of at most 512 KiB. Default: the logo.
    pub fn favicon(mut self, image: impl Into<Cow<'static, [u8]>>) -> Self {
        self.favicon = Some(image.into());
        self
    }

    /// Sets the font: its family name and a WOFF2 file of at most 512 KiB. Default: Geist.
    ///
    /// A variable font provides all weights; with a static font, the browser synthesizes bold.
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

    /// Uses the visitor's system font, which saves 18 KB on the first visit.
    pub fn system_font(mut self) -> Self {
        self.font = Font::System;
        self
    }

    /// Adds styles to every page. Repeated calls append.
    ///
    /// The styles are in a cascade layer after the portal's, so a simple selector overrides any of
    /// the portal's rules.
    pub fn css(mut self, css: impl Into<Cow<'static, str>>) -> Self {
        self.css.push(css.into());
        self
    }

    /// Sets the language of the application's text, as in `<html lang>`. Default: `en`.
    pub fn language(mut self, tag: impl Into<Cow<'static, str>>) -> Self {
        self.language = Some(tag.into());
        self
    }

    /// Sets right-to-left text direction and mirrors the layout.
    pub fn right_to_left(mut self) -> Self {
        self.right_to_left = true;
        self
    }

    /// Builds the files to serve, or returns one message per invalid value.
    pub(crate) fn prepare(self) -> Result<BrandAssets, Vec<String>> {
        assets::prepare(self)
    }
}
