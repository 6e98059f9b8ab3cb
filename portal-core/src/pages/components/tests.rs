//! Tests of the rules for all components.

use maud::{Markup, Render, html};

use super::*;
use crate::pages::{
    default_layout::{DefaultLayout, PlainLayout},
    layout::{Flash, FlashKind, Layout, NavLink, PageContext, UserSummary},
    theme::{Density, Theme, ThemeChoice},
};

const HOSTILE: &str = r#""><script>alert(1)</script><p style="x" onclick='y'>"#;

/// Renders every component with text that tries to break out of its markup.
fn everything() -> Markup {
    let x = HOSTILE;
    let option = FieldOption::new(x, x);
    let task = TaskRowView {
        id: x.to_owned(),
        title: x.to_owned(),
        status: x.to_owned(),
        message: Some(x.to_owned()),
        result: Some(x.to_owned()),
        error: Some(x.to_owned()),
        created_at: x.to_owned(),
        cancel_action: Some(x.to_owned()),
        ..TaskRowView::default()
    };
    html! {
        (person(x, x, Some(x))) (sized_avatar(x, x, Some(x), 3)) (badge(x, Tone::Danger))
        (Banner::new(Tone::Warning, x).title(x).action(Button::new(x)))
        (Button::new(x).href(x).icon(x).icon_end(x).wide().disabled(true).attribute("hx-get", x).attribute("onclick", x).attribute("style", x))
        (Button::icon_only(x, x).opens(x))
        (Card::new().title(x).description(x).actions(html! {}).body(x).footer(x).id(x))
        (ChartCard::new(Chart::bar(x).labels([x, x]).series(x, [1.0]).series(x, [2.0])).description(x).value(x).ranges(x, crate::store::TimeRange::Day))
        (ChartCard::new(Donut::new(x).slice(x, Tone::Danger, 1.0))) (ChartCard::loading(x)) (Chart::area(x).empty_text(x))
        (CodeBlock::new(x).title(x).wrap()) (copy_button(x)) (markdown(x))
        (Confirm::new(x, x, x, x).text(x).hidden_fields(html! {}).type_to_confirm(x))
        (detail_list(&[(x, html! { (x) })]))
        (Drawer::new(x, x).description(x).form(x, html! {}).body(x).footer(Button::new(x)).open(x))
        (EmptyState::no_match(x))
        @for field in [Field::text(x, x), Field::textarea(x, x), Field::code(x, x), Field::select(x, x, vec![option]), Field::checkbox(x, x), Field::switch(x, x), Field::password(x, x), Field::date(x, x), Field::number(x, x)] {
            (field.value(x).hint(x).error(Some(x)).placeholder(x).pattern(x).required(true))
        }
        (Menu::new(x, x).link(x, x, x).post(x, x, x, html! {}, Tone::Danger).divider().dialog(x, x, x, Tone::Neutral))
        (PageHead::new(x).description(x).crumb(x, x).actions(Button::new(x)).tabs(x, vec![Tab::new(x, x, true)]))
        (Pagination::new(2, 10, 99, |page| format!("{x}{page}")).sizes(x, &[10], &[(x, x)]))
        (progress(200, x, Tone::Success)) (indeterminate_progress(x)) (segmented(x, x, &[(x, x)], x))
        (StatCard::new(x, x).icon(x).rise(x, x, Tone::Success).trend(&[1.0, f64::NAN, 3.0]))
        (Table::new(x).selectable(x, x).column(Column::new(x).sort(x, Some(SortOrder::Descending)).numeric())
            .row(Row::new(x, vec![html! { (x) }]).href(x).actions(Button::new(x)).selected(true)))
        (Table::new(x)) (Table::new(x).column(Column::new(x)).loading(2)) (Table::new(x).failed(x, x)) (Table::new(x).compact())
        (list_card(x, Toolbar::new(x).preserve_query(&[(x, x)]).search(x, x, x).filter(x, x, vec![FieldOption::new(x, x)], x).chip(x, x).clear(x).end(x)))
        (BulkBar::new(x, x, html! {}).action(Button::new(x).busy(true)))
        (ViewMenu::new(x).columns(x, &[(x, x)], &[(x, x, true)]).density(Density::Compact, x, html! {}))
        (KeysetPagination::new(Some(x.to_owned()), None).estimated_total(9).sizes(x, 10, &[10], &[(x, x)]))
        (Combobox::new(x, x).source(x).value(x, x).create(x).hint(x).error(Some(x)).placeholder(x).clearable())
        (Combobox::new(x, x).options(vec![FieldOption::new(x, x).hint(x)]).value(x, x))
        (Field::radio(x, x, vec![FieldOption::new(x, x).hint(x)]).hint(x).error(Some(x)))
        (Field::number(x, x).icon(x).suffix(x).hint(x)) (Field::checkbox(x, x).indeterminate())
        (Conflict::new(x).field(x, x, x, "")) (tooltip(x, x, Button::new(x))) (kbd(x)) (divider(x)) (skeleton(&[200]))
        (breadcrumb(&[(x, x)], x)) (announced_progress(3, x, Tone::Danger)) (toast_with_action(Tone::Info, x, Button::new(x)))
        (segmented_links(x, &[Tab::new(x, x, true)]))
        (Drawer::new(x, x).tabs(tabs(x, &[Tab::new(x, x, false)])))
        (TaskList::new(vec![task]).title(x).monitor(x).cancel_pattern(x))
        (ThemePicker::new(x, ThemeChoice::from(Theme::default()), Theme::default()).hidden_fields(html! {})) (time(x, TimeFormat::Ago)) (toast(Tone::Danger, x))
    }
}

fn pages() -> Vec<String> {
    let theme = Theme::default();
    let nav = [NavLink {
        label: HOSTILE.to_owned(),
        href: HOSTILE.into(),
        group: Some(HOSTILE.to_owned()),
        ..NavLink::default()
    }];
    let flash = Flash {
        kind: FlashKind::Error,
        text: HOSTILE.to_owned(),
        link: Some((HOSTILE.to_owned(), HOSTILE.into())),
    };
    let mut page = PageContext::new(HOSTILE, HOSTILE, HOSTILE, &theme);
    page.nav = &nav;
    page.flash = Some(&flash);
    page.development = true;
    page.base_path = HOSTILE;
    let guest = DefaultLayout::new().render(&page, html! { (search_button(&page)) (everything()) });
    page.user = Some(UserSummary {
        name: HOSTILE,
        email: HOSTILE,
        ..UserSummary::default()
    });
    let layouts: [&dyn Layout; 2] = [&DefaultLayout::new(), &PlainLayout];
    let mut all = vec![guest.into_markup().into_string()];
    all.extend(layouts.iter().map(|layout| {
        layout
            .render(&page, everything())
            .into_markup()
            .into_string()
    }));
    all
}

/// Returns the attributes of every tag, without mistaking text inside a value for an attribute.
fn attributes(html: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let tag: String = rest
            .chars()
            .take_while(|c| !c.is_whitespace() && *c != '>')
            .collect();
        rest = &rest[tag.len()..];
        loop {
            rest = rest.trim_start();
            if rest.starts_with('>') || rest.is_empty() {
                break;
            }
            let end = rest.find(['=', ' ', '>', '\n']).unwrap_or(rest.len());
            found.push((tag.clone(), rest[..end].to_owned()));
            rest = &rest[end..];
            if let Some(value) = rest.strip_prefix("=\"") {
                rest = &value[value.find('"').unwrap() + 1..];
            }
        }
    }
    found
}

#[test]
fn inline_styles_and_scripts_are_never_written() {
    for html in pages() {
        assert!(!html.contains("<style"));
        assert_eq!(
            html.matches("<script").count(),
            1,
            "only the portal's script file"
        );
        let attributes = attributes(&html);
        assert!(attributes.len() > 300);
        for (tag, name) in attributes {
            assert!(
                name != "style" && !name.starts_with("on") && !name.starts_with("hx-on"),
                "<{tag} {name}>"
            );
        }
    }
}

#[test]
fn icon_button_has_an_accessible_label() {
    let html = Button::icon_only("x", "Close").render().into_string();
    assert!(html.contains(r#"aria-label="Close""#));
}

#[test]
fn field_refers_to_its_hint_and_error() {
    let html = Field::text("a", "A")
        .hint("h")
        .error(Some("e"))
        .render()
        .into_string();
    assert!(html.contains(r#"aria-describedby="f-a-hint f-a-error""#));
    assert!(html.contains(r#"id="f-a-hint""#) && html.contains(r#"id="f-a-error""#));
}

#[test]
fn textarea_keeps_a_leading_line_break() {
    let html = Field::textarea("a", "A")
        .value("\nx")
        .render()
        .into_string();
    assert!(html.contains(">\n\nx</textarea>"), "{html}");
}

#[test]
fn password_is_not_written_into_the_page() {
    assert!(
        !Field::password("p", "P")
            .value("secret")
            .render()
            .into_string()
            .contains("secret")
    );
}
