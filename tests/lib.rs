//! Package for the integration tests in `it/` and the doctests in `README.md` and `docs/`.

/// Compiles the examples in `README.md` and `docs/`, and runs those that can run.
#[cfg(doctest)]
mod documents {
    macro_rules! documents {
        ($($name:ident: $path:literal),+ $(,)?) => {$(
            #[doc = include_str!(concat!("../", $path))]
            struct $name;
        )+};
    }

    documents! {
        Readme: "README.md",
        Admin: "docs/admin.md",
        Auth: "docs/auth.md",
        Charts: "docs/charts.md",
        Components: "docs/components.md",
        Live: "docs/live.md",
        Notifications: "docs/notifications.md",
        Pages: "docs/pages.md",
        Security: "docs/security.md",
        Tasks: "docs/tasks.md",
        Testing: "docs/testing.md",
        Theming: "docs/theming.md",
    }
}
