/// Meaning of a color; a word next to the color always repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tone {
    /// No special meaning.
    #[default]
    Neutral,
    /// The accent color of the theme.
    Accent,
    /// Something is in progress.
    Info,
    /// Something succeeded.
    Success,
    /// Something needs attention soon.
    Warning,
    /// Something failed, or is destructive.
    Danger,
}

impl Tone {
    /// Returns the value of `data-tone`; `None` for the neutral tone.
    #[must_use]
    pub const fn attribute_value(self) -> Option<&'static str> {
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
