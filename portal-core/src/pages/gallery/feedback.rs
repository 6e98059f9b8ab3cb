use maud::html;

use super::example::{Section, example};
use crate::pages::components::{
    Banner, Button, CodeBlock, EmptyState, Tone, announced_progress, indeterminate_progress,
    markdown, progress, skeleton, toast, toast_with_action,
};

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section::new(
            "toast",
            "Toast",
            "Confirms that something was done. Closes after six seconds unless the user interacts with it; errors stay. At most three at once. The server sends it with Flash or HX-Trigger.",
            vec![
                example!("On demand", html! {
                    (Button::new("Success").attribute("data-toast", "Order saved").attribute("data-tone", "success"))
                    (Button::new("Info").attribute("data-toast", "A new version is ready"))
                    (Button::new("Error").attribute("data-toast", "The order could not be saved").attribute("data-tone", "danger"))
                }),
                example!("Inside a page", toast(Tone::Info, "Three people are viewing this")),
                example!("With undo", toast_with_action(Tone::Success, "Order archived", Button::new("Undo").size(1).href("#toast"))),
            ],
        ),
        Section::new(
            "banner",
            "Banner",
            "Stays across the page until its cause is resolved.",
            vec![
                example!("Info", Banner::new(Tone::Info, "A new version is ready.").action(Button::new("Reload").size(1))),
                example!("Success", Banner::new(Tone::Success, "Your e-mail address is confirmed.")),
                example!("Warning", Banner::new(Tone::Warning, "Tasks wait until you resume them.").title("Paused.").action(Button::new("Resume").size(1))),
                example!("Danger", Banner::new(Tone::Danger, "The last three backups failed.").title("No backup.")),
            ],
        ),
        Section::new(
            "empty",
            "Empty state",
            "Placeholder for missing content: one sentence, one next step.",
            vec![
                example!("Nothing yet", EmptyState::new("inbox", "No messages").text("Messages for you appear here.").action(Button::new("Choose topics"))),
                example!("No matches", EmptyState::no_match("#empty")),
            ],
        ),
        Section::new(
            "progress",
            "Progress",
            "Progress of an operation. Screen readers announce it at most every 10%.",
            vec![
                example!("In progress", announced_progress(40, "Export", Tone::Neutral)),
                example!("Done", progress(100, "Export", Tone::Success)),
                example!("Failed", progress(62, "Export", Tone::Danger)),
                example!("Indeterminate", indeterminate_progress("Export")),
            ],
        ),
        Section::new(
            "skeleton",
            "Skeleton",
            "Reserves the space of loading content at its size, so that nothing moves.",
            vec![example!("Lines of text", skeleton(&[90, 75, 40]))],
        ),
        Section::new(
            "code",
            "Code block",
            "Text to read and copy. Long lines scroll, or wrap when a button is pressed.",
            vec![
                example!("With a title", CodeBlock::new("curl -X POST https://portal.example.com/api/reports/tasks/7f3a/start/monthly -H 'Content-Type: application/json' -d '{\"month\": 11}'").title("Terminal")),
                example!("Wrapped", CodeBlock::new("SELECT name, count(*) FROM orders WHERE created_at > now() - interval '7 days' GROUP BY name ORDER BY 2 DESC").title("SQL").wrap()),
                example!("One line", CodeBlock::new("cargo run")),
            ],
        ),
        Section::new(
            "markdown",
            "Markdown",
            "Text that users write. HTML in it is shown as text, and unsafe links lose their target.",
            vec![example!("In a prose block", html! {
                div class="pt-prose" { (markdown("The *first* order with **[free delivery](https://example.com)**:\n\n1. Choose\n2. Pay\n\n| size | price |\n| --- | ---: |\n| S | 9.50 |")) }
            })],
        ),
    ]
}
