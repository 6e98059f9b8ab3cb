//! Gallery of all components: `cargo run -p portal-core --example gallery -- 4300`.
//!
//! Query parameters such as `?accent=jade&appearance=dark` change the theme of a page.

use std::collections::HashMap;

use axum::{
    Router,
    extract::Query,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use maud::{Markup, html};
use portal_core::pages::{
    assets,
    components::{
        Banner, Button, Card, CodeBlock, Column, Confirm, Drawer, EmptyState, Field, FieldOption,
        Menu, PageHead, Pagination, Row, SortOrder, StatCard, Tab, Table, TaskList, TaskRowView,
        TimeFormat, Tone, badge, detail_list, icon, person, progress, theme_picker, time,
    },
    default_layout::{DefaultLayout, PlainLayout},
    layout::{Flash, FlashKind, Layout, NavLink, PageContext, UserSummary},
    theme::Theme,
};

type Params = HashMap<String, String>;

const CSP: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args()
        .nth(1)
        .map_or(Ok(4300), |port| port.parse())?;
    let app = Router::new()
        .route(
            "/",
            get(async |query: Query<Params>, headers: HeaderMap| {
                respond("Overview", "/", overview(&query), &query, &headers)
            }),
        )
        .route(
            "/users",
            get(async |query: Query<Params>, headers: HeaderMap| {
                respond("Users", "/users", users(&query), &query, &headers)
            }),
        )
        .route(
            "/tasks",
            get(async |query: Query<Params>, headers: HeaderMap| {
                respond("Tasks", "/tasks", tasks(), &query, &headers)
            }),
        )
        .route(
            "/parts",
            get(async |query: Query<Params>, headers: HeaderMap| {
                respond("Components", "/parts", parts(), &query, &headers)
            }),
        )
        .route(
            "/settings",
            get(settings).post(async || StatusCode::NO_CONTENT),
        )
        .route("/sign-in", get(sign_in))
        .route("/_portal/assets/{file}", get(assets::serve));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://127.0.0.1:{port}/");
    axum::serve(listener, app).await?;
    Ok(())
}

fn theme(query: &Params, headers: &HeaderMap) -> Theme {
    let cookie = headers
        .get(header::COOKIE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| {
            text.split("; ")
                .find_map(|part| part.strip_prefix("theme="))
        })
        .and_then(Theme::from_cookie);
    let mut theme = cookie.unwrap_or_default();
    for (name, value) in query {
        let _ = theme.set(name, value);
    }
    theme
}

fn guarded(page: Markup) -> Response {
    (
        [(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(CSP),
        )],
        page,
    )
        .into_response()
}

fn respond(
    title: &str,
    path: &str,
    content: Markup,
    query: &Params,
    headers: &HeaderMap,
) -> Response {
    let theme = theme(query, headers);
    let link = |group: Option<&str>, icon: &str, label: &str, href: &str| NavLink {
        label: label.to_owned(),
        href: href.to_owned(),
        icon: icon.to_owned(),
        group: group.map(str::to_owned),
        active: path == href,
    };
    let nav = [
        link(None, "layout-dashboard", "Overview", "/"),
        link(None, "info", "About", "/about"),
        link(Some("Administration"), "users", "Users", "/users"),
        link(Some("Administration"), "list-checks", "Tasks", "/tasks"),
        link(
            Some("Administration"),
            "sliders-horizontal",
            "App settings",
            "/app-settings",
        ),
        link(Some("You"), "user", "Profile", "/profile"),
        link(Some("You"), "palette", "Appearance", "/settings"),
        link(Some("You"), "box", "Components", "/parts"),
    ];
    let flash = Flash {
        kind: FlashKind::Success,
        text: "Grace Hopper saved".to_owned(),
        link: None,
    };
    let mut page = PageContext::new("Acme Portal", title, path, &theme);
    page.nav = &nav;
    page.development = true;
    page.flash = query.contains_key("flash").then_some(&flash);
    page.user = (!query.contains_key("guest")).then_some(UserSummary {
        id: "u1",
        name: "Ada Lovelace",
        email: "ada@example.com",
        role: Some("Admin"),
        avatar_url: None,
        profile_url: Some("/profile"),
    });
    guarded(DefaultLayout::new().render(&page, content))
}

fn overview(query: &Params) -> Markup {
    let stat =
        |label, value, glyph, trend: &[f64]| StatCard::new(label, value).icon(glyph).trend(trend);
    html! {
        (PageHead::new("Overview").description("Activity in the last 30 days.")
            .actions(html! { (Button::new("Export").icon("download")) (Button::new("New task").solid().icon("plus")) }))
        @if query.contains_key("guest") {
            (Banner::new(Tone::Info, "Sign in to see your figures.").title("You are a guest.")
                .action(Button::new("Sign in").href("/sign-in").size(1)))
        }
        div class="pt-grid" {
            (stat("Users", "1,204", "users", &[3.0, 4.0, 4.2, 5.0, 4.8, 6.0, 7.1, 7.0, 8.4]).rise("12%", "vs last month", Tone::Success))
            (stat("Active today", "318", "activity", &[5.0, 4.0, 6.0, 5.5, 4.8, 5.2, 4.1, 4.4, 4.0]).fall("4%", "vs yesterday", Tone::Danger))
            (stat("Tasks run", "8,941", "zap", &[1.0, 2.0, 2.0, 3.0, 2.5, 4.0, 4.5, 4.2, 5.0]).rise("31%", "vs last month", Tone::Success))
            (stat("Failed tasks", "3", "circle-alert", &[0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0]).note("None today"))
        }
        div class="pt-split" {
            (Card::new().title("Recent people").description("The latest sign-ins.").flush()
                .actions(Button::new("All users").ghost().size(1).icon_end("arrow-right").href("/users"))
                .body(table(4, false, query)))
            (Card::new().title("This portal").actions(badge("Healthy", Tone::Success)).body(detail_list(&[
                ("Version", html! { code { "0.1.0" } }),
                ("Database", html! { "SQLite 3.50" }),
                ("Started", time("2026-11-22T08:30:00Z", TimeFormat::Ago)),
                ("Replicas", html! { span class="pt-tabular" { "2" } }),
            ])).footer(html! { (icon("refresh-cw")) "Checked a minute ago" }))
        }
    }
}

const PEOPLE: [(&str, &str, &str, &str, Tone, &str); 8] = [
    (
        "Grace Hopper",
        "grace.hopper@example.com",
        "Admin",
        "Active",
        Tone::Success,
        "1,482",
    ),
    (
        "Alan Turing",
        "alan@example.com",
        "User",
        "Active",
        Tone::Success,
        "96",
    ),
    (
        "Katherine Johnson",
        "katherine@example.com",
        "User",
        "Invited",
        Tone::Warning,
        "0",
    ),
    (
        "Edsger Dijkstra",
        "edsger@example.com",
        "User",
        "Locked",
        Tone::Danger,
        "311",
    ),
    (
        "Barbara Liskov",
        "barbara@example.com",
        "Editor",
        "Active",
        Tone::Success,
        "742",
    ),
    (
        "Donald Knuth",
        "don@example.com",
        "User",
        "Active",
        Tone::Success,
        "12",
    ),
    (
        "Margaret Hamilton",
        "margaret@example.com",
        "Admin",
        "Active",
        Tone::Success,
        "2,041",
    ),
    (
        "Dennis Ritchie",
        "dmr@example.com",
        "User",
        "Deactivated",
        Tone::Neutral,
        "64",
    ),
];

fn table(count: usize, full: bool, query: &Params) -> Table {
    let mut table = Table::new("Users");
    if full {
        table = table
            .selectable("ids", "bulk")
            .column(Column::new("Name").sort("?sort=-name", Some(SortOrder::Ascending)))
            .column(Column::new("Role").sort("?sort=role", None))
            .column(Column::new("Status"))
            .column(Column::new("Last seen").sort("?sort=seen", None))
            .column(Column::new("Logins").numeric().sort("?sort=logins", None));
    } else {
        table = table
            .column(Column::new("Name"))
            .column(Column::new("Status"));
    }
    if query.contains_key("none") {
        return table.empty(EmptyState::no_match("/users"));
    }
    table.rows(PEOPLE.iter().take(count).enumerate().map(
        |(at, (name, email, role, status, tone, logins))| {
            let who = person(email, name, Some(email));
            let href = format!("/users?edit={at}");
            if !full {
                return Row::new(at.to_string(), vec![who, badge(status, *tone)]).href(href);
            }
            let seen = time("2026-11-20T09:12:00Z", TimeFormat::Ago);
            let cells = vec![
                who,
                html! { (role) },
                badge(status, *tone),
                seen,
                html! { (logins) },
            ];
            let menu = Menu::new(format!("row-{at}"), format!("Actions for {name}"))
                .link("pencil", "Edit", &href)
                .link("history", "History", "/users?history=1")
                .divider()
                .dialog("trash-2", "Delete…", "delete", Tone::Danger);
            Row::new(at.to_string(), cells).href(href).actions(menu)
        },
    ))
}

fn users(query: &Params) -> Markup {
    html! {
        (PageHead::new("Users").crumb("Administration", "/").description("Everyone who can sign in to this portal.")
            .actions(html! { (Button::new("Import").icon("upload")) (Button::new("New user").solid().icon("plus").opens("new-user")) })
            .tabs("Parts", vec![Tab::new("People", "/users", true), Tab::new("Roles", "#", false), Tab::new("Invitations", "#", false)]))
        section class="pt-card" data-flush {
            form class="pt-toolbar" data-requires="table.css" method="get" role="search" data-autosubmit {
                div class="pt-search" {
                    (icon("search"))
                    input class="pt-input" data-size="1" type="search" name="search" placeholder="Search people" aria-label="Search people";
                }
                span class="pt-select" {
                    select class="pt-input" data-size="1" name="role" aria-label="Role" { option { "All roles" } option { "Admin" } }
                    (icon("chevron-down"))
                }
            }
            form id="bulk" method="post" {}
            div class="pt-bulk" { span data-part="count" { "Selected" } (Button::new("Delete…").size(1).icon("trash-2").opens("delete")) }
            (table(8, true, query))
            (Pagination::new(3, 10, 87, |page| format!("?page={page}")).sizes("/users", &[10, 20, 50, 100], &[]))
        }
        (Confirm::new("delete", "Delete Grace Hopper?", "/users/1/delete", "Delete user")
            .text("Their sessions end and their tasks are deleted. This cannot be undone.").type_to_confirm("grace.hopper@example.com"))
        (user_drawer("new-user", "New user"))
        @if query.contains_key("edit") { (user_drawer("edit-user", "Edit user").description("Grace Hopper").open("/users")) }
    }
}

fn user_drawer(id: &str, title: &str) -> Drawer {
    let with_id = |name: &str| format!("{id}-{name}");
    let roles = ["Admin", "Editor", "User"]
        .map(|role| FieldOption::new(role.to_lowercase(), role))
        .to_vec();
    Drawer::new(id, title)
        .form("/users", html! {})
        .body(html! {
            (Field::text("name", "Name").id(with_id("name")).value("Grace Hopper").required(true))
            (Field::email("email", "E-mail").id(with_id("email")).value("grace@").required(true).error(Some("Must be a valid e-mail address.")))
            (Field::select("role", "Role", roles).id(with_id("role")).value("admin").hint("Admins can change every model."))
            (Field::date("born", "Born").id(with_id("born")).value("1906-12-09"))
            (Field::text("key", "Key").id(with_id("key")).value("usr_01J9Z").read_only(true))
            (Field::textarea("about", "About").id(with_id("about")).value("Wrote the first compiler.").hint("Markdown is allowed."))
            (Field::checkbox("mail", "Send news by e-mail").id(with_id("mail")).checked(true))
            (Field::switch("active", "Active").id(with_id("active")).checked(true).hint("Inactive users cannot sign in."))
        })
        .footer(Button::new("Save changes").solid().submit())
}

fn tasks() -> Markup {
    let row = |id: &str, title: &str, name: &str, status: &str, progress| TaskRowView {
        id: id.to_owned(),
        title: title.to_owned(),
        group: "reports".to_owned(),
        name: name.to_owned(),
        status: status.to_owned(),
        progress,
        created_at: "2026-11-22T08:30:00Z".to_owned(),
        started_at: Some("2026-11-22T08:30:01Z".to_owned()),
        finished_at: matches!(status, "COMPLETED" | "ERROR")
            .then(|| "2026-11-22T08:30:05.2Z".to_owned()),
        cancel_action: Some(format!("/tasks/{id}/cancel")),
        ..TaskRowView::default()
    };
    let mut report = row("1", "Monthly report", "monthly_report", "PROCESSING", 40);
    report.message = Some("Reading 4,000 of 10,000 rows".to_owned());
    let mut export = row("3", "Export users", "export", "COMPLETED", 100);
    export.result = Some("{\n  \"rows\": 10000,\n  \"file\": \"report.csv\"\n}".to_owned());
    let mut invite = row(
        "4",
        "Send invitations to everyone who has requested one since the beginning of the year",
        "invite",
        "ERROR",
        65,
    );
    invite.error = Some("the mail server refused the connection".to_owned());
    let mut rebuild = row("5", "Rebuild index", "rebuild", "ERROR", 20);
    rebuild.error = Some("cancelled".to_owned());
    let rows = vec![
        report,
        row("2", "Resize pictures", "resize", "PENDING", 0),
        export,
        invite,
        rebuild,
    ];
    html! {
        (PageHead::new("Tasks").crumb("Administration", "/").description("Background tasks with live progress.")
            .actions(Button::new("Start task").solid().icon("play")))
        (TaskList::new(rows).title("Recent tasks").monitor("/api/tasks/none/monitor").cancel_pattern("/tasks/{id}/cancel"))
        (TaskList::new(vec![]).title("Your tasks"))
    }
}

async fn settings(query: Query<Params>, headers: HeaderMap) -> Response {
    let theme = theme(&query, &headers);
    let content = html! {
        (PageHead::new("Appearance").description("Your theme, on every device."))
        div class="pt-split" {
            (Card::new().title("Theme").description("Changes apply immediately.").body(theme_picker(&theme, "/settings", html! {})))
            (Card::new().title("Preview").body(html! {
                div class="pt-stack" {
                    div class="pt-row" { (Button::new("Solid").solid()) (Button::new("Soft").soft()) (Button::new("Outline")) }
                    div class="pt-row" { (badge("Accent", Tone::Accent)) (badge("Active", Tone::Success)) (badge("Waiting", Tone::Warning)) }
                    (Field::text("x", "A field").placeholder("Type here"))
                    (progress(64, "Preview", Tone::Neutral))
                }
            }))
        }
    };
    respond("Appearance", "/settings", content, &query, &headers)
}

fn parts() -> Markup {
    html! {
        (PageHead::new("Components"))
        (Card::new().title("Buttons").body(html! {
            div class="pt-stack" {
                div class="pt-row" {
                    (Button::new("Solid").solid()) (Button::new("Soft").soft()) (Button::new("Outline")) (Button::new("Ghost").ghost())
                    (Button::new("Delete").danger().icon("trash-2")) (Button::icon_only("ellipsis", "More"))
                }
                div class="pt-row" {
                    (Button::new("Small").size(1)) (Button::new("Medium")) (Button::new("Large").size(3).solid())
                    (Button::new("Disabled").disabled(true)) (Button::new("Busy").solid().attribute("aria-busy", "true"))
                }
            }
        }))
        (Banner::new(Tone::Info, "Version 0.2 is out."))
        (Banner::new(Tone::Success, "All tasks have finished."))
        (Banner::new(Tone::Warning, "Your e-mail address is not confirmed.").action(Button::new("Send again").size(1)))
        (Banner::new(Tone::Danger, "The database is unavailable.").title("Read only."))
        div class="pt-split" {
            div class="pt-stack" {
                (CodeBlock::new("curl -X POST https://portal.example/api/client-tokens \\\n  -H 'Authorization: Bearer …'").title("Terminal"))
                (CodeBlock::new("4e0f2d9a-7f36-4a53-b1c6-1f2d2c0c9a11"))
            }
            (Card::new().body(EmptyState::new("inbox", "No messages").text("Messages sent to you appear here.").action(Button::new("Write message"))))
        }
    }
}

async fn sign_in(query: Query<Params>, headers: HeaderMap) -> Response {
    let theme = theme(&query, &headers);
    let page = PageContext::new("Acme Portal", "Sign in", "/sign-in", &theme);
    let content = Card::new().body(html! {
        form class="pt-form" method="post" action="/sign-in" {
            div class="pt-center" { h1 { "Welcome back" } p class="pt-muted" { "Sign in to continue to Acme Portal" } }
            (Field::email("email", "E-mail").placeholder("you@example.com").required(true))
            (Field::password("password", "Password").required(true))
            (Button::new("Sign in").solid().size(3).wide().submit())
            div class="pt-or" { "or" }
            (Button::new("Continue as Admin (development)").size(3).wide().icon("key-round"))
        }
    });
    guarded(PlainLayout.render(&page, html! { (content) }))
}
