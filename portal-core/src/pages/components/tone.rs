/// What a colour says; there is always a word beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tone {
    /// Nothing to see.
    #[default]
    Neutral,
    /// The theme's own colour.
    Accent,
    /// Something is going on.
    Info,
    /// It went well.
    Success,
    /// Look at it soon.
    Warning,
    /// It failed, or it destroys.
    Danger,
}

impl Tone {
    /// The word in `data-tone`, if it is not the neutral one.
    #[must_use]
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Neutral => None,
            Self::Accent => Some("accent"),
            Self::Info => Some("info"),
            Self::Success => Some("success"),
            Self::Warning => Some("warning"),
            Self::Danger => Some("danger"),
        }
    }

    pub(super) const fn icon(self) -> &'static str {
        match self {
            Self::Neutral | Self::Accent | Self::Info => "info",
            Self::Success => "circle-check",
            Self::Warning => "triangle-alert",
            Self::Danger => "circle-alert",
        }
    }
}
