use std::borrow::Cow;

use maud::Render;

use super::icon::write_icon;
use super::rel;
use super::text_writer::{write_attribute, write_text};
use crate::pages::Href;

/// Visual weight of a button. Use one solid button per view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ButtonKind {
    /// The main action of the view.
    Solid,
    /// A secondary action, in the accent color.
    Soft,
    /// Any other action.
    #[default]
    Outline,
    /// An action inside a row or a toolbar.
    Ghost,
    /// A destructive action.
    Danger,
}

impl ButtonKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Solid => "solid",
            Self::Soft => "soft",
            Self::Outline => "outline",
            Self::Ghost => "ghost",
            Self::Danger => "danger",
        }
    }
}

/// Approximate size of a button with an icon, in bytes.
const ROOM: usize = 512;

/// A button, or a link that looks like a button.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::Button;
///
/// let save = Button::new("Save").solid().submit().render().into_string();
/// assert!(save.starts_with(r#"<button type="submit" class="pt-btn" data-kind="solid""#));
/// let add = Button::new("New user").icon("plus").href("/admin/users/new").render().into_string();
/// assert!(add.starts_with("<a href="));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Button<'a> {
    label: Cow<'a, str>,
    icon: Option<Cow<'a, str>>,
    icon_end: Option<Cow<'a, str>>,
    icon_only: bool,
    kind: ButtonKind,
    size: u8,
    href: Option<Href<'a>>,
    submit: bool,
    disabled: bool,
    busy: bool,
    wide: bool,
    attributes: Vec<(&'static str, Cow<'a, str>)>,
}

impl<'a> Button<'a> {
    /// Creates an outline button of medium size that does nothing yet.
    pub fn new(label: impl Into<Cow<'a, str>>) -> Self {
        Self {
            label: label.into(),
            icon: None,
            icon_end: None,
            icon_only: false,
            kind: ButtonKind::default(),
            size: 2,
            href: None,
            submit: false,
            disabled: false,
            busy: false,
            wide: false,
            attributes: Vec::new(),
        }
    }

    /// Creates a square ghost button with an icon; screen readers announce the label.
    pub fn icon_only(name: impl Into<Cow<'a, str>>, label: impl Into<Cow<'a, str>>) -> Self {
        let mut button = Self::new(label).ghost().icon(name);
        button.icon_only = true;
        button
    }

    /// Sets the visual weight. Default: [`ButtonKind::Outline`].
    pub const fn kind(mut self, kind: ButtonKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets [`ButtonKind::Solid`].
    pub const fn solid(self) -> Self {
        self.kind(ButtonKind::Solid)
    }

    /// Sets [`ButtonKind::Soft`].
    pub const fn soft(self) -> Self {
        self.kind(ButtonKind::Soft)
    }

    /// Sets [`ButtonKind::Ghost`].
    pub const fn ghost(self) -> Self {
        self.kind(ButtonKind::Ghost)
    }

    /// Sets [`ButtonKind::Danger`].
    pub const fn danger(self) -> Self {
        self.kind(ButtonKind::Danger)
    }

    /// Sets the size: 1 is small, 2 medium, 3 large. Default: 2.
    pub const fn size(mut self, size: u8) -> Self {
        self.size = size;
        self
    }

    /// Makes the button as wide as its container.
    pub const fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// Sets an icon before the label.
    pub fn icon(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        self.icon = Some(name.into());
        self
    }

    /// Sets an icon after the label.
    pub fn icon_end(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        self.icon_end = Some(name.into());
        self
    }

    /// Turns the button into a link.
    pub fn href(mut self, href: impl Into<Href<'a>>) -> Self {
        self.href = Some(href.into());
        self
    }

    /// Makes the button submit the form around it.
    pub const fn submit(mut self) -> Self {
        self.submit = true;
        self
    }

    /// Sets whether the button is disabled. Explain the reason nearby.
    pub const fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// Sets whether the action is in progress.
    ///
    /// A busy button keeps its width, shows a spinner, and cannot be pressed.
    pub const fn busy(mut self, busy: bool) -> Self {
        self.busy = busy;
        self
    }

    /// Makes the button open the drawer or dialog with this id (as a popover without JavaScript).
    pub fn opens(self, dialog: impl Into<Cow<'a, str>>) -> Self {
        let dialog = dialog.into();
        self.attribute("popovertarget", dialog.clone())
            .attribute("data-opens", dialog)
    }

    /// Makes the button close the drawer or dialog around it.
    pub fn closes(self) -> Self {
        self.attribute("data-closes", "")
    }

    /// Adds any other attribute, such as `hx-get`.
    ///
    /// Inline styles and event handlers are ignored: the portal's Content-Security-Policy would
    /// block them.
    pub fn attribute(mut self, name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        if name != "style" && !name.starts_with("on") {
            self.attributes.push((name, value.into()));
        }
        self
    }
}

impl Render for Button<'_> {
    // The markup is written by hand, because `html!` does not support attribute names from a list.
    fn render_to(&self, out: &mut String) {
        let tag = if self.href.is_some() { "a" } else { "button" };
        out.reserve(ROOM);
        out.push('<');
        out.push_str(tag);
        match &self.href {
            Some(href) => {
                out.push_str(" href=\"");
                href.render_to(out);
                out.push('"');
                if let Some(rel) = rel(href.as_str()) {
                    write_attribute(out, "rel", rel);
                }
            }
            None if self.submit => out.push_str(" type=\"submit\""),
            None => out.push_str(" type=\"button\""),
        }
        out.push_str(" class=\"pt-btn\" data-kind=\"");
        out.push_str(self.kind.as_str());
        out.push_str(match self.size {
            1 => "\" data-size=\"1\"",
            3 => "\" data-size=\"3\"",
            _ => "\"",
        });
        if self.icon_only {
            out.push_str(" data-icon");
            write_attribute(out, "aria-label", &self.label);
            write_attribute(out, "title", &self.label);
        }
        if self.wide {
            write_attribute(out, "data-wide", "");
        }
        if self.busy {
            write_attribute(out, "aria-busy", "true");
        }
        if self.disabled || self.busy {
            write_attribute(
                out,
                if self.href.is_some() {
                    "aria-disabled"
                } else {
                    "disabled"
                },
                if self.href.is_some() { "true" } else { "" },
            );
        }
        for (name, value) in &self.attributes {
            write_attribute(out, name, value);
        }
        out.push('>');
        if let Some(name) = &self.icon {
            write_icon(out, name, 1);
        }
        if !self.icon_only {
            write_text(out, &self.label);
        }
        if let Some(name) = &self.icon_end {
            write_icon(out, name, 1);
        }
        out.push_str("</");
        out.push_str(tag);
        out.push('>');
    }
}
