//! Theme: the accent, gray, radius, scaling, appearance and density that a visitor sees.

use std::{fmt, str::FromStr};

use serde_json::Value;

pub use super::theme_choice::ThemeChoice;
use crate::error::FieldError;
use crate::request::escape_pointer;

/// Error for a value that is not one of the choices of a theme setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a valid {setting}; use one of {allowed}")]
pub struct ParseThemeError {
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
            /// All choices, in the order in which the theme form shows them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the value used in cookies, forms and attributes.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ $(Self::$extra => $extra_text,)? }
            }

            /// Returns the label that users see.
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
            type Err = ParseThemeError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied()$(.chain([Self::$extra]))?.find(|choice| choice.as_str() == text).ok_or_else(|| ParseThemeError {
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
    /// Color of primary buttons, links and selections.
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
    /// The [`Brand::accent_color`](super::Brand::accent_color), written `brand`.
    ///
    /// It is not part of [`Accent::ALL`], since not every portal has a brand color.
    Brand "brand" "Brand"
}

choices! {
    /// Tint of everything except the accent; `auto` pairs it with the accent.
    Gray, "gray", default Slate {
        Auto "auto" "Auto", Gray "gray" "Gray", Mauve "mauve" "Mauve", Slate "slate" "Slate",
        Sage "sage" "Sage", Olive "olive" "Olive", Sand "sand" "Sand",
    }
}

choices! {
    /// Corner radius.
    Radius, "radius", default Medium {
        None "none" "None", Small "small" "Small", Medium "medium" "Medium",
        Large "large" "Large", Full "full" "Full",
    }
}

choices! {
    /// Scale of text, spacing and corners; line widths are unchanged.
    Scaling, "scaling", default Percent100 {
        Percent90 "90" "90%", Percent95 "95" "95%", Percent100 "100" "100%",
        Percent105 "105" "105%", Percent110 "110" "110%",
    }
}

choices! {
    /// Light, dark, or the user's system setting.
    Appearance, "appearance", default Inherit {
        Light "light" "Light", Dark "dark" "Dark", Inherit "inherit" "System",
    }
}

choices! {
    /// Row height in tables.
    Density, "density", default Default {
        Default "default" "Default", Compact "compact" "Compact",
    }
}

/// Visual settings for all pages that a visitor sees.
///
/// ```
/// use portal_core::pages::theme::{Accent, Appearance, Theme};
///
/// let theme = Theme::default().accent(Accent::Jade).appearance(Appearance::Dark);
/// assert_eq!((theme.accent, theme.appearance), (Accent::Jade, Appearance::Dark));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Theme {
    /// Color of primary buttons, links and selections.
    pub accent: Accent,
    /// Tint of everything else.
    pub gray: Gray,
    /// Corner radius.
    pub radius: Radius,
    /// Scale of text and spacing.
    pub scaling: Scaling,
    /// Light, dark, or the user's system setting.
    pub appearance: Appearance,
    /// Row height in tables.
    pub density: Density,
    locked: bool,
}

macro_rules! setters {
    ($($field:ident: $kind:ident),+) => {
        $(
            #[doc = concat!("Returns the theme with another ", stringify!($field), ".")]
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

    /// Prevents users from choosing accent, gray and radius.
    ///
    /// Users can still choose appearance, scaling and density; some could not read a page
    /// otherwise.
    ///
    /// ```
    /// use portal_core::pages::theme::{Accent, Theme, ThemeChoice};
    ///
    /// let portal = Theme::default().accent(Accent::Jade).locked();
    /// let choice = ThemeChoice { accent: Some(Accent::Ruby), ..ThemeChoice::default() };
    /// assert_eq!(choice.apply_to(portal).accent, Accent::Jade);
    /// ```
    #[must_use]
    pub const fn locked(self) -> Self {
        self.with_lock(true)
    }

    pub(crate) const fn with_lock(mut self, locked: bool) -> Self {
        self.locked = locked;
        self
    }

    /// Returns `true` if users cannot choose accent, gray and radius.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.locked
    }

    /// Returns the gray that [`Gray::Auto`] pairs with the accent.
    ///
    /// For [`Accent::Brand`] this is slate; the style sheet of a [`Brand`](super::Brand) can pair a
    /// different gray.
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

    /// Changes one setting by name. Unknown names have no effect.
    fn set(&mut self, name: &str, value: &str) -> Result<(), ParseThemeError> {
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

    /// Returns the name and value of each setting, as in the `data-*` attributes.
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

    /// Returns the errors in a theme from a user's preferences.
    pub(crate) fn preference_errors(preference: &Value) -> Vec<FieldError> {
        let Value::Object(settings) = preference else {
            return vec![FieldError::new("", "invalid_type", "must be an object")];
        };
        let mut faults = Vec::new();
        for (name, value) in settings {
            let pointer = format!("/{}", escape_pointer(name));
            let is_known = Self::default().settings().iter().any(|(it, _)| it == name);
            match value.as_str() {
                _ if !is_known => {
                    let message = "unknown theme setting";
                    faults.push(FieldError::new(pointer, "unknown_field", message));
                }
                None => faults.push(FieldError::new(pointer, "invalid_type", "must be a string")),
                Some(text) => {
                    if let Err(error) = Self::default().set(name, text) {
                        faults.push(FieldError::new(pointer, "not_allowed", error.to_string()));
                    }
                }
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_for_an_unknown_choice_lists_allowed_choices() {
        let error = "pearl".parse::<Radius>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`pearl` is not a valid radius; use one of none, small, medium, large, full"
        );
    }
}
