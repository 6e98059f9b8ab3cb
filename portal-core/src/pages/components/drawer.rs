use maud::{Markup, Render, html};

use super::{Button, lazy_assets::lazy_assets};
use crate::pages::Href;

/// A panel at the end of the screen, for editing one record without leaving its list.
///
/// [`Button::opens`] opens it. A page whose URL requests an open drawer (`?edit=3`) renders it with
/// [`open`](Self::open).
///
/// ```
/// use maud::{Render as _, html};
/// use portal_core::pages::components::{Button, Drawer, Field};
///
/// let drawer = Drawer::new("edit-user", "Edit user")
///     .form("/admin/users/3", html! {})
///     .body(Field::text("name", "Name"))
///     .footer(Button::new("Save").solid().submit())
///     .open("/admin/users");
/// assert!(drawer.render().into_string().contains("data-open-on-load"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Drawer {
    id: String,
    title: String,
    description: Option<String>,
    form: Option<(Href<'static>, Markup)>,
    body: Markup,
    footer: Option<Markup>,
    aside: Option<Markup>,
    actions: Option<Markup>,
    tabs: Option<Markup>,
    back: Option<Href<'static>>,
}

impl Drawer {
    /// Creates a closed drawer.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            description: None,
            form: None,
            body: html! {},
            footer: None,
            aside: None,
            actions: None,
            tabs: None,
            back: None,
        }
    }

    /// Sets a line below the title.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Puts the body and footer in a POST form that asks for confirmation before changes are lost.
    ///
    /// `hidden` holds its hidden fields, such as the anti-forgery token.
    ///
    /// With scripts, submitting the form does not leave the page. If the response is a page with
    /// errors (`422`, `409`) that renders the drawer with this id, the content of the drawer is
    /// replaced; a redirect closes the drawer, shows the [`Flash`](crate::pages::Flash) and reloads
    /// the list.
    pub fn form<'h>(mut self, action: impl Into<Href<'h>>, hidden: impl Render) -> Self {
        self.form = Some((action.into().into_owned(), hidden.render()));
        self
    }

    /// Sets the [`tabs`](super::tabs) below the title, for example for the record and its history.
    pub fn tabs(mut self, tabs: impl Render) -> Self {
        self.tabs = Some(tabs.render());
        self
    }

    /// Sets the scrollable content.
    pub fn body(mut self, body: impl Render) -> Self {
        self.body = body.render();
        self
    }

    /// Sets the footer, which stays at the bottom: one solid button. A "Cancel" button is added.
    pub fn footer(mut self, footer: impl Render) -> Self {
        self.footer = Some(footer.render());
        self
    }

    /// Sets a destructive action at the start of the footer, apart from the other buttons.
    pub fn aside(mut self, aside: impl Render) -> Self {
        self.aside = Some(aside.render());
        self
    }

    /// Sets icon buttons at the end of the head, before the button that closes the drawer.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }

    /// Renders the drawer open; closing it opens this URL.
    pub fn open<'h>(mut self, back: impl Into<Href<'h>>) -> Self {
        self.back = Some(back.into().into_owned());
        self
    }

    fn closing<'a>(&'a self, button: Button<'a>) -> Button<'a> {
        match &self.back {
            Some(back) => button.href(back).closes(),
            None => button
                .closes()
                .attribute("popovertarget", &self.id)
                .attribute("popovertargetaction", "hide"),
        }
    }

    fn inside(&self) -> Markup {
        html! {
            div class="pt-drawer-body" { div class="pt-form" { (self.body) } }
            @if let Some(foot) = &self.footer {
                div class="pt-drawer-foot" {
                    @if let Some(aside) = &self.aside { div class="pt-push-end" { (aside) } }
                    (self.closing(Button::new("Cancel")))
                    (foot)
                }
            }
        }
    }
}

impl Render for Drawer {
    fn render(&self) -> Markup {
        let open = self.back.is_some();
        html! {
            pt-modal {
                dialog class="pt-drawer" id=(self.id) aria-labelledby={ (self.id) "-title" } open[open] data-open-on-load[open]
                    popover=[(!open).then_some("auto")] data-back=[&self.back] {
                    div class="pt-drawer-head" {
                        div {
                            h2 id={ (self.id) "-title" } { (self.title) }
                            @if let Some(description) = &self.description { p { (description) } }
                        }
                        @if let Some(actions) = &self.actions { (actions) }
                        (self.closing(Button::icon_only("x", "Close")))
                    }
                    @if let Some(tabs) = &self.tabs { div class="pt-drawer-tabs" { (tabs) } }
                    @match &self.form {
                        Some((action, hidden)) => form method="post" action=(action) data-guard { (hidden) (self.inside()) (lazy_assets(&["lists.js"])) },
                        None => (self.inside()),
                    }
                }
            }
        }
    }
}
