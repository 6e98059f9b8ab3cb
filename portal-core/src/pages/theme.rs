//! How a portal looks for one reader: accent, gray, radius, scaling, appearance and density.

use std::{fmt, str::FromStr};

use serde_json::Value;

pub use super::theme_choice::ThemeChoice;
use crate::error::Fault;
use crate::request::escape_pointer;

/// The text names none of the choices of a theme setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no {setting}, use one of {allowed}")]
pub struct UnknownChoice {
    setting: &'static str,
    found: String,
    allowed: String,
}

macro_rules! choices {
    ($(#[$doc:meta])* $name:ident, $setting:literal, default $default:ident { $($variant:ident $text:literal $label:literal),+ $(,)? }
     $(beside $(#[$extra_doc:meta])* $extra:ident $extra_text:literal $extra_label:literal)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("Written `", $text, "`.")] $variant,)+
            $($(#[$extra_doc])* $extra,)?
        }

        impl $name {
            /// Every choice, in the order in which pickers show them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in cookies, forms and attributes.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ $(Self::$extra => $extra_text,)? }
            }

            /// The word a reader sees.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ $(Self::$extra => $extra_label,)? }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        impl FromStr for $name {
            type Err = UnknownChoice;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied()$(.chain([Self::$extra]))?.find(|choice| choice.as_str() == text).ok_or_else(|| UnknownChoice {
                    setting: $setting,
                    found: text.to_owned(),
                    allowed: [$($text,)+ $($extra_text)?].join(", "),
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

choices! {
    /// The colour of primary buttons, links and selections.
    Accent, "accent", default Indigo {
        Gray "gray" "Gray", Ruby "ruby" "Ruby", Red "red" "Red", Tomato "tomato" "Tomato",
        Crimson "crimson" "Crimson", Pink "pink" "Pink", Plum "plum" "Plum", Purple "purple" "Purple",
        Violet "violet" "Violet", Iris "iris" "Iris", Indigo "indigo" "Indigo", Blue "blue" "Blue",
        Cyan "cyan" "Cyan", Teal "teal" "Teal", Jade "jade" "Jade", Green "green" "Green",
        Grass "grass" "Grass", Bronze "bronze" "Bronze", Gold "gold" "Gold", Brown "brown" "Brown",
        Orange "orange" "Orange", Amber "amber" "Amber", Yellow "yellow" "Yellow", Lime "lime" "Lime",
        Mint "mint" "Mint", Sky "sky" "Sky",
    }
    beside
    /// The colour of [`Brand::accent_color`](super::Brand::accent_color), written `brand`; not
    /// among [`Accent::ALL`], since a portal need not have one.
    Brand "brand" "Brand"
}

choices! {
    /// The tint of everything that is not accent; `auto` pairs it with the accent.
    Gray, "gray", default Slate {
        Auto "auto" "Auto", Gray "gray" "Gray", Mauve "mauve" "Mauve", Slate "slate" "Slate",
        Sage "sage" "Sage", Olive "olive" "Olive", Sand "sand" "Sand",
    }
}

choices! {
    /// How round corners are.
    Radius, "radius", default Medium {
        None "none" "None", Small "small" "Small", Medium "medium" "Medium",
        Large "large" "Large", Full "full" "Full",
    }
}

choices! {
    /// How large type, space and corners are; lines keep their width.
    Scaling, "scaling", default Percent100 {
        Percent90 "90" "90%", Percent95 "95" "95%", Percent100 "100" "100%",
        Percent105 "105" "105%", Percent110 "110" "110%",
    }
}

choices! {
    /// Light, dark, or what the reader's system says.
    Appearance, "appearance", default Inherit {
        Light "light" "Light", Dark "dark" "Dark", Inherit "inherit" "System",
    }
}

choices! {
    /// How tall table rows are.
    Density, "density", default Default {
        Default "default" "Default", Compact "compact" "Compact",
    }
}

/// The look of every page, for one reader.
///
/// ```
/// use portal_core::pages::theme::{Accent, Appearance, Theme};
///
/// let theme = Theme::default().accent(Accent::Jade).appearance(Appearance::Dark);
/// assert_eq!(Theme::from_cookie(&theme.to_cookie()), Some(theme));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Theme {
    /// The colour of primary buttons, links and selections.
    pub accent: Accent,
    /// The tint of everything else.
    pub gray: Gray,
    /// How round corners are.
    pub radius: Radius,
    /// How large type and space are.
    pub scaling: Scaling,
    /// Light, dark, or the system's choice.
    pub appearance: Appearance,
    /// How tall table rows are.
    pub density: Density,
    locked: bool,
}

macro_rules! setters {
    ($($field:ident: $kind:ident),+) => {
        $(
            #[doc = concat!("The same theme with another ", stringify!($field), ".")]
            #[must_use]
            pub const fn $field(mut self, $field: $kind) -> Self {
                self.$field = $field;
                self
            }
        )+
    };
}

impl Theme {
    setters!(accent: Accent, gray: Gray, radius: Radius, scaling: Scaling, appearance: Appearance, density: Density);

    /// Readers do not choose accent, gray and radius. Appearance, scaling and density stay theirs:
    /// some cannot read a page otherwise.
    ///
    /// ```
    /// use portal_core::pages::theme::{Accent, Theme, ThemeChoice};
    ///
    /// let portal = Theme::default().accent(Accent::Jade).locked();
    /// let choice = ThemeChoice { accent: Some(Accent::Ruby), ..ThemeChoice::default() };
    /// assert_eq!(choice.over(portal).accent, Accent::Jade);
    /// ```
    #[must_use]
    pub const fn locked(self) -> Self {
        self.with_lock(true)
    }

    pub(crate) const fn with_lock(mut self, locked: bool) -> Self {
        self.locked = locked;
        self
    }

    /// Whether readers may not choose accent, gray and radius.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.locked
    }

    /// The gray that [`Gray::Auto`] pairs with the accent; a brand's own accent may say another.
    #[must_use]
    pub const fn paired_gray(&self) -> Gray {
        match self.accent {
            Accent::Tomato
            | Accent::Red
            | Accent::Ruby
            | Accent::Crimson
            | Accent::Pink
            | Accent::Plum
            | Accent::Purple
            | Accent::Violet => Gray::Mauve,
            Accent::Iris
            | Accent::Indigo
            | Accent::Blue
            | Accent::Sky
            | Accent::Cyan
            | Accent::Brand => Gray::Slate,
            Accent::Mint | Accent::Teal | Accent::Jade | Accent::Green => Gray::Sage,
            Accent::Grass | Accent::Lime => Gray::Olive,
            Accent::Yellow
            | Accent::Amber
            | Accent::Orange
            | Accent::Brown
            | Accent::Bronze
            | Accent::Gold => Gray::Sand,
            Accent::Gray => Gray::Gray,
        }
    }

    /// Changes one setting by name, as forms send it; other names change nothing.
    ///
    /// # Errors
    ///
    /// [`UnknownChoice`] if the setting exists and the value is none of its choices.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), UnknownChoice> {
        match name {
            "accent" => self.accent = value.parse()?,
            "gray" => self.gray = value.parse()?,
            "radius" => self.radius = value.parse()?,
            "scaling" => self.scaling = value.parse()?,
            "appearance" => self.appearance = value.parse()?,
            "density" => self.density = value.parse()?,
            _ => {}
        }
        Ok(())
    }

    /// Each setting's name and value, as `data-*` attributes carry them.
    #[must_use]
    pub const fn settings(&self) -> [(&'static str, &'static str); 6] {
        [
            ("accent", self.accent.as_str()),
            ("gray", self.gray.as_str()),
            ("radius", self.radius.as_str()),
            ("scaling", self.scaling.as_str()),
            ("appearance", self.appearance.as_str()),
            ("density", self.density.as_str()),
        ]
    }

    /// What is wrong with a theme among the preferences of a user.
    pub(crate) fn preference_faults(preference: &Value) -> Vec<Fault> {
        let Value::Object(settings) = preference else {
            return vec![Fault::new("", "invalid_type", "send an object")];
        };
        let mut faults = Vec::new();
        for (name, value) in settings {
            let pointer = format!("/{}", escape_pointer(name));
            let is_known = Self::default().settings().iter().any(|(it, _)| it == name);
            match value.as_str() {
                _ if !is_known => {
                    let message = "a theme has no such setting";
                    faults.push(Fault::new(pointer, "unknown_field", message));
                }
                None => faults.push(Fault::new(pointer, "invalid_type", "write a text")),
                Some(text) => {
                    if let Err(error) = Self::default().set(name, text) {
                        faults.push(Fault::new(pointer, "not_allowed", error.to_string()));
                    }
                }
            }
        }
        faults
    }

    /// A compact text for a cookie: `indigo.slate.medium.100.inherit.default`.
    #[must_use]
    pub fn to_cookie(&self) -> String {
        self.settings().map(|(_, value)| value).join(".")
    }

    /// Reads [`Theme::to_cookie`]; a part that is missing or unknown takes its default.
    ///
    /// `None` if not one part is known: the cookie is somebody else's.
    #[must_use]
    pub fn from_cookie(text: &str) -> Option<Self> {
        ThemeChoice::from_cookie(text).map(|choice| choice.over(Self::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_survives_its_cookie() {
        for accent in Accent::ALL {
            for gray in Gray::ALL {
                let theme = Theme::default()
                    .accent(*accent)
                    .gray(*gray)
                    .radius(Radius::Full)
                    .scaling(Scaling::Percent110);
                assert_eq!(Theme::from_cookie(&theme.to_cookie()), Some(theme));
            }
        }
    }

    #[test]
    fn a_damaged_cookie_keeps_what_can_be_read() {
        assert_eq!(
            Theme::from_cookie("jade"),
            Some(Theme::default().accent(Accent::Jade))
        );
        assert_eq!(
            Theme::from_cookie("x.sand.y"),
            Some(Theme::default().gray(Gray::Sand))
        );
        assert_eq!(Theme::from_cookie(""), None);
        assert_eq!(Theme::from_cookie("<script>"), None);
    }

    #[test]
    fn a_wrong_choice_names_the_right_ones() {
        let error = "pearl".parse::<Radius>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`pearl` is no radius, use one of none, small, medium, large, full"
        );
    }
}
