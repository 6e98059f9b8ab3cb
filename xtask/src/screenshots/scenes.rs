//! The scenes of which screenshots are taken.

/// A page in a state of the portal: the screenshot's name, the state, the path and a script to run.
pub(super) struct Scene {
    pub(super) name: &'static str,
    pub(super) when: When,
    /// Path; `{task}` is replaced with the id of a failed task.
    pub(super) path: &'static str,
    pub(super) script: &'static str,
}

/// State of the portal and the caller.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// The caller is a guest.
    Guest,
    /// The caller is a guest, and maintenance mode is on.
    Closed,
    /// There is no data.
    Empty,
    /// There are people, rows and finished tasks.
    Busy,
    /// As in `Busy`, but a task is running.
    Running,
    /// The caller is a user without access.
    Refused,
}

const fn scene(name: &'static str, when: When, path: &'static str) -> Scene {
    after(name, when, path, "")
}

const fn after(name: &'static str, when: When, path: &'static str, script: &'static str) -> Scene {
    Scene {
        name,
        when,
        path,
        script,
    }
}

const PALETTE: &str = "document.body.dispatchEvent(new KeyboardEvent('keydown', \
                       {key: 'k', code: 'KeyK', ctrlKey: true, bubbles: true, cancelable: true}))";
const USER_MENU: &str = "document.querySelector('.pt-side [popovertarget]')?.click()";
const NAVIGATION: &str = "document.querySelector('.pt-topbar [data-opens=pt-nav]')?.click()";
/// Submits a form that the browser would reject.
const SEND_WRONG: &str = "
const typed = 'textarea, input:not([type=hidden])';
const forms = [...document.querySelectorAll('dialog[open] form, main form[method=post]')];
const form = forms.find(form => form.querySelector(typed));
const field = form.querySelector('textarea') || form.querySelector(typed);
field.value = field.matches('textarea') ? 'greeting: [unfinished' : '';
form.noValidate = true;
form.requestSubmit();";
const GO_OFFLINE: &str = "dispatchEvent(new Event('offline'))";

/// All scenes. If a scene's page is missing, only a message is printed.
pub(super) const SCENES: [Scene; 40] = [
    scene("landing", When::Guest, "/"),
    scene("sign-in", When::Guest, "/sign-in"),
    scene("sign-up", When::Guest, "/sign-up"),
    scene("welcome", When::Guest, "/admin/overview"),
    scene("not-found", When::Guest, "/no/such/page"),
    scene("maintenance", When::Closed, "/"),
    scene("overview-empty", When::Empty, "/admin/overview"),
    scene("tasks-empty", When::Empty, "/admin/tasks"),
    scene("all-tasks-empty", When::Empty, "/admin/tasks/all"),
    scene("statistics-empty", When::Empty, "/admin/tasks/statistics"),
    scene(
        "settings-empty",
        When::Empty,
        "/admin/settings/custom_config",
    ),
    scene("notifications-empty", When::Empty, "/admin/notifications"),
    scene("overview", When::Busy, "/admin/overview?range=30d"),
    scene("all-tasks", When::Busy, "/admin/tasks/all"),
    scene("task", When::Busy, "/admin/tasks/{task}"),
    scene("task-statistics", When::Busy, "/admin/tasks/statistics"),
    scene("task-schedules", When::Busy, "/admin/tasks/schedules"),
    scene("task-tokens", When::Busy, "/admin/tasks/tokens"),
    after(
        "task-fault",
        When::Busy,
        "/admin/tasks?state=reports&task=write_report",
        SEND_WRONG,
    ),
    scene("users", When::Busy, "/admin/users"),
    scene(
        "users-no-match",
        When::Busy,
        "/admin/users?search=nobody-has-this-name",
    ),
    scene(
        "settings",
        When::Busy,
        "/admin/settings/subscription_feature",
    ),
    scene(
        "settings-drawer",
        When::Busy,
        "/admin/settings/custom_config?edit=1",
    ),
    after(
        "settings-fault",
        When::Busy,
        "/admin/settings/custom_config?edit=1",
        SEND_WRONG,
    ),
    scene("audit", When::Busy, "/admin/audit"),
    scene("record", When::Busy, "/admin/settings/custom_config/rows/1"),
    scene(
        "record-history",
        When::Busy,
        "/admin/settings/custom_config/rows/1?tab=history",
    ),
    scene("search", When::Busy, "/search?q=ada"),
    scene("profile", When::Busy, "/admin/profile"),
    scene("app-settings", When::Busy, "/admin/app-settings"),
    scene("about", When::Busy, "/admin/about"),
    scene("notifications", When::Busy, "/admin/notifications"),
    scene("components", When::Busy, "/dev/components"),
    after("palette", When::Busy, "/admin/overview", PALETTE),
    after("user-menu", When::Busy, "/admin/overview", USER_MENU),
    after("navigation", When::Busy, "/admin/overview", NAVIGATION),
    after("offline", When::Busy, "/admin/tasks/all", GO_OFFLINE),
    scene(
        "tasks",
        When::Running,
        "/admin/tasks?state=example_task2&task=loaded_task",
    ),
    scene("task-kinds", When::Running, "/admin/tasks/kinds"),
    scene("refused", When::Refused, "/admin/users"),
];

/// Committed screenshots: name, width and color scheme.
pub(super) const COMMITTED: [(&str, u32, &str); 12] = [
    ("landing", 1440, "light"),
    ("overview", 1440, "light"),
    ("overview", 1440, "dark"),
    ("overview", 360, "dark"),
    ("tasks", 1440, "dark"),
    ("tasks", 360, "light"),
    ("settings-drawer", 1440, "light"),
    ("users", 768, "light"),
    ("app-settings", 1440, "light"),
    ("palette", 1440, "dark"),
    ("sign-in", 360, "light"),
    ("not-found", 768, "dark"),
];
