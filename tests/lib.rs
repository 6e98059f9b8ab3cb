//! The tests are in `it/`; this crate has no code of its own.

/// Compiles, and where possible runs, the examples of `README.md` and `docs/`.
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
