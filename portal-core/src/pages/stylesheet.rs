//! The portal's style sheets that pages load only if their markup requires them.

use super::assets::url;

/// Style sheets that a page links if its markup requires them, in link order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stylesheet {
    Table,
    Chart,
    Widgets,
    Picker,
    Site,
    Error,
    Gallery,
}

impl Stylesheet {
    pub(super) const ALL: [Self; 7] = [
        Self::Table,
        Self::Chart,
        Self::Widgets,
        Self::Picker,
        Self::Site,
        Self::Error,
        Self::Gallery,
    ];

    /// Returns the path of the style sheet, without the base path.
    pub(super) fn url(self) -> &'static str {
        url(match self {
            Self::Table => "table.css",
            Self::Chart => "chart.css",
            Self::Widgets => "widgets.css",
            Self::Picker => "picker.css",
            Self::Site => "site.css",
            Self::Error => "error.css",
            Self::Gallery => "gallery.css",
        })
    }
}
