//! A portal in its application's own design: `cargo run -p restyled`.

mod booking;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use portal_clerk::ClerkAuth;
use portal_core::pages::components::{Button, Card, PageHead, StatCard, icon};
use portal_core::pages::theme::{Gray, Radius};
use portal_core::pages::{
    Brand, DefaultLayout, Document, Layout, LayoutParts, NavLink, PageContext, Slot, layout,
};
use portal_core::prelude::*;

/// Returns the brand: a color, a logo, a font and a few styles, the same for every user.
fn brand() -> Brand {
    Brand::new()
        .accent_color("#0f766e")
        .logo(include_bytes!("../brand/logo.svg"))
        .font("Space Grotesk", include_bytes!("../brand/grotesk.woff2"))
        .css(include_str!("../brand/style.css"))
}

/// Replacement for one part of the layout: navigation entries have an arrow.
struct Arrows;

impl LayoutParts for Arrows {
    fn nav_link(&self, _: &PageContext<'_>, link: &NavLink) -> Markup {
        html! {
            a class="arrow" href=(link.href) aria-current=[link.active.then_some("page")] {
                (icon(&link.icon)) span { (link.label) } (icon("arrow-right"))
            }
        }
    }
}

/// A separate layout for the landing page.
struct Quay;

impl Layout for Quay {
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Document {
        let logo = page.brand.and_then(|it| it.logo_url()).unwrap_or_default();
        let body = html! {
            header class="quay-top" {
                a class="quay-name" href=(page.url("/")) { img src=(page.url(logo)) alt=""; (page.app_name) }
                nav aria-label="Main" { @for link in page.nav { a href=(link.href) { (link.label) } } }
            }
            main class="quay" id="main" { (content) }
        };
        layout::document(page, body)
    }
}

/// Harbor
#[page("/", layout = Quay)]
async fn home() -> Markup {
    html! {
        p class="quay-over" { "Berths, crews and tides" }
        h1 { "A quiet place" br; "for your boat." }
        p { "Every berth, its boat, and the date it becomes free." }
        (Button::new("See the berths").solid().size(3).href("/berths").icon_end("arrow-right"))
    }
}

/// Berths
#[page("/berths", nav(icon = "box", order = 1))]
async fn berths() -> Markup {
    html! {
        (PageHead::new("Berths").description("Free berths this week.")
            .actions(Button::new("Book a berth").solid().icon("plus").href("/berths/book")))
        div class="pt-grid" {
            (StatCard::new("Free berths", "12").trend(&[4.0, 6.0, 5.0, 9.0, 12.0]))
            (StatCard::new("Arrivals today", "7").trend(&[2.0, 3.0, 6.0, 5.0, 7.0]))
        }
        (Card::new().title("Tides").body(html! { p { "High water at 14:20, low water at 20:35." } }))
    }
}

fn portal() -> PortalBuilder {
    let layout = DefaultLayout::new()
        .parts(Arrows)
        .slot(Slot::Footer, |_| html! { "Harbor Ltd." });
    Portal::builder()
        .brand(brand())
        .theme(Theme::default().gray(Gray::Auto).radius(Radius::Large))
        .layout(layout)
        .page(home)
        .page(berths)
        .page(booking::book)
        .page(booking::save_booking)
        .auth(ClerkAuth::new())
}

#[tokio::main]
async fn main() -> ExitCode {
    portal().run().await
}
