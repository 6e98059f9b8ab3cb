//! Theme choice: the settings of a theme that a user or an administrator has chosen.

use serde_json::{Map, Value};

use super::theme::{Accent, Appearance, Density, Gray, ParseThemeError, Radius, Scaling, Theme};

/// Cookie value for a setting that follows the default theme.
const FOLLOWS: &str = "-";

/// Theme settings chosen by a user for themselves or by an administrator for the portal.
///
/// A setting that is `None` follows the theme to which the choice is applied.
///
/// ```
/// use portal_core::pages::theme::{Accent, Radius, Theme, ThemeChoice};
///
/// let choice = ThemeChoice { accent: Some(Accent::Jade), ..ThemeChoice::default() };
/// let theme = choice.apply_to(Theme::default().radius(Radius::Full));
/// assert_eq!((theme.accent, theme.radius), (Accent::Jade, Radius::Full));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ThemeChoice {
    /// Color of primary buttons, links and selections.
    pub accent: Option<Accent>,
    /// Tint of everything else.
    pub gray: Option<Gray>,
    /// Corner radius.
    pub radius: Option<Radius>,
    /// Scale of text and spacing.
    pub scaling: Option<Scaling>,
    /// Light, dark, or the user's system setting.
    pub appearance: Option<Appearance>,
    /// Row height in tables.
    pub density: Option<Density>,
}

impl ThemeChoice {
    /// Applies the choice to a theme. Settings that the theme locks stay unchanged.
    #[must_use]
    pub fn apply_to(&self, portal: Theme) -> Theme {
        let own = if portal.is_locked() {
            Self {
                accent: None,
                gray: None,
                radius: None,
                ..*self
            }
        } else {
            *self
        };
        portal
            .accent(own.accent.unwrap_or(portal.accent))
            .gray(own.gray.unwrap_or(portal.gray))
            .radius(own.radius.unwrap_or(portal.radius))
            .scaling(own.scaling.unwrap_or(portal.scaling))
            .appearance(own.appearance.unwrap_or(portal.appearance))
            .density(own.density.unwrap_or(portal.density))
    }

    /// Sets one setting by its form field name. Unknown names have no effect.
    ///
    /// An empty value makes the setting follow the default theme.
    ///
    /// Returns [`ParseThemeError`] if the setting exists and the value is not one of its choices.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), ParseThemeError> {
        fn read<T: std::str::FromStr>(value: &str) -> Result<Option<T>, T::Err> {
            Some(value)
                .filter(|it| !it.is_empty())
                .map(str::parse)
                .transpose()
        }
        match name {
            "accent" => self.accent = read(value)?,
            "gray" => self.gray = read(value)?,
            "radius" => self.radius = read(value)?,
            "scaling" => self.scaling = read(value)?,
            "appearance" => self.appearance = read(value)?,
            "density" => self.density = read(value)?,
            _ => {}
        }
        Ok(())
    }

    /// Returns the name and the chosen value of each setting.
    #[must_use]
    pub fn settings(&self) -> [(&'static str, Option<&'static str>); 6] {
        [
            ("accent", self.accent.map(Accent::as_str)),
            ("gray", self.gray.map(Gray::as_str)),
            ("radius", self.radius.map(Radius::as_str)),
            ("scaling", self.scaling.map(Scaling::as_str)),
            ("appearance", self.appearance.map(Appearance::as_str)),
            ("density", self.density.map(Density::as_str)),
        ]
    }

    /// Returns the chosen value of a setting.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'static str> {
        let mut settings = self.settings().into_iter();
        settings.find(|(it, _)| *it == name)?.1
    }

    /// Returns `true` if a setting with this name exists.
    pub(crate) fn is_setting(name: &str) -> bool {
        Self::default().settings().iter().any(|(it, _)| *it == name)
    }

    /// Encodes the choice as a JSON object, as stored in a user's preferences.
    pub(crate) fn to_preference(self) -> Value {
        let chosen = self.settings().into_iter();
        chosen
            .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))))
            .collect::<Map<String, Value>>()
            .into()
    }

    /// Decodes [`ThemeChoice::to_preference`]. Invalid settings follow the default theme.
    pub(crate) fn from_preference(preference: &Value) -> Self {
        let mut choice = Self::default();
        for (name, value) in preference.as_object().into_iter().flatten() {
            // Invalid values come from an older version or the application's code.
            drop(choice.set(name, value.as_str().unwrap_or_default()));
        }
        choice
    }

    /// Encodes the choice for a cookie: `jade.-.-.-.dark.-`.
    pub(crate) fn to_cookie(self) -> String {
        self.settings()
            .map(|(_, value)| value.unwrap_or(FOLLOWS))
            .join(".")
    }

    /// Decodes [`ThemeChoice::to_cookie`]. Missing and unknown parts follow the default theme.
    ///
    /// Returns `None` if no part is valid, since the cookie was then not set by the portal.
    pub(crate) fn from_cookie(text: &str) -> Option<Self> {
        let mut choice = Self::default();
        let mut known = false;
        let names = choice.settings().map(|(name, _)| name);
        for (name, value) in names.into_iter().zip(text.trim().split('.')) {
            known |= value == FOLLOWS || (!value.is_empty() && choice.set(name, value).is_ok());
        }
        known.then_some(choice)
    }
}

/// Chooses every setting of a theme.
impl From<Theme> for ThemeChoice {
    fn from(theme: Theme) -> Self {
        Self {
            accent: Some(theme.accent),
            gray: Some(theme.gray),
            radius: Some(theme.radius),
            scaling: Some(theme.scaling),
            appearance: Some(theme.appearance),
            density: Some(theme.density),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choice_round_trips_through_cookie_and_preference() {
        let mut choice = ThemeChoice::default();
        assert_eq!(choice.apply_to(Theme::default()), Theme::default());
        for (name, value) in [
            ("accent", "brand"),
            ("appearance", "dark"),
            ("scaling", "90"),
        ] {
            choice.set(name, value).unwrap();
            assert_eq!(ThemeChoice::from_cookie(&choice.to_cookie()), Some(choice));
            let preference = choice.to_preference();
            assert_eq!(Theme::preference_errors(&preference), []);
            assert_eq!(ThemeChoice::from_preference(&preference), choice);
        }
        choice.set("appearance", "").unwrap();
        assert_eq!(choice.appearance, None);
        assert!(choice.set("radius", "huge").is_err());
        assert_eq!(ThemeChoice::from_cookie("another app's"), None);
        assert_eq!(ThemeChoice::from_cookie(""), None);
    }

    #[test]
    fn damaged_cookie_keeps_its_valid_parts() {
        let choice = |text| ThemeChoice::from_cookie(text).unwrap_or_default();
        assert_eq!(choice("jade").accent, Some(Accent::Jade));
        assert_eq!(choice("x.sand.y").gray, Some(Gray::Sand));
        assert_eq!(ThemeChoice::from_cookie("<script>"), None);
    }

    #[test]
    fn choice_from_a_theme_has_all_its_settings() {
        for accent in Accent::ALL {
            for gray in Gray::ALL {
                let theme = Theme::default().accent(*accent).gray(*gray);
                let choice = ThemeChoice::from(theme);
                assert_eq!(choice.apply_to(Theme::default()), theme);
                assert_eq!(ThemeChoice::from_cookie(&choice.to_cookie()), Some(choice));
            }
        }
    }

    #[test]
    fn damaged_preference_keeps_its_valid_settings() {
        let damaged = serde_json::json!({"accent": "pearl", "gray": 3, "x": "y", "radius": "full"});
        let expected = ThemeChoice {
            radius: Some(Radius::Full),
            ..ThemeChoice::default()
        };
        assert_eq!(ThemeChoice::from_preference(&damaged), expected);
        let faults = Theme::preference_errors(&damaged);
        let mut found: Vec<_> = faults.iter().map(|it| (&*it.pointer, &*it.code)).collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [
                ("/accent", "not_allowed"),
                ("/gray", "invalid_type"),
                ("/x", "unknown_field")
            ]
        );
        assert_eq!(Theme::preference_errors(&Value::from("dark")).len(), 1);
    }

    #[test]
    fn lock_covers_colors_and_radius_but_not_readability() {
        let mut choice = ThemeChoice::default();
        for (name, value) in [("accent", "ruby"), ("gray", "sand"), ("radius", "full")] {
            choice.set(name, value).unwrap();
        }
        choice.appearance = Some(Appearance::Dark);
        choice.scaling = Some(Scaling::Percent110);
        let portal = Theme::default().locked();
        let expected = portal
            .appearance(Appearance::Dark)
            .scaling(Scaling::Percent110);
        assert_eq!(choice.apply_to(portal), expected);
    }
}
