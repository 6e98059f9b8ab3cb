//! Home page and profile page: the application's pages that the framework links to.

use crate::auth::{Access, RouteInfo, safe_redirect};
use crate::config::Config;
use crate::pages::Page;

/// Default path of the profile page.
const PROFILE: &str = "/profile";

/// Paths that the application has set for the pages that the framework links to.
#[derive(Debug, Default)]
pub(super) struct KnownPages {
    pub(super) home: Option<String>,
    pub(super) profile: Option<String>,
}

impl KnownPages {
    /// Stores the paths in the configuration and returns the problems with those set by the
    /// application.
    ///
    /// `routes` are the application's declared routes; `has_others` is `true` if the application
    /// also has routes whose paths are unknown.
    pub(super) fn resolve(
        self,
        config: &mut Config,
        pages: &[Page],
        routes: &[RouteInfo],
        has_others: bool,
    ) -> Vec<String> {
        let is_served = |path: &str| {
            let declared = pages.iter().map(Page::declared);
            let mut all = declared.chain(routes.iter().cloned());
            all.any(|route| route.path == path && is_get(&route))
        };
        let mut problems = Vec::new();
        for (setting, path) in [("home_path", &self.home), ("profile_path", &self.profile)] {
            let Some(path) = path else { continue };
            let without_query = path.split('?').next().unwrap_or_default();
            if safe_redirect(path).is_none() {
                problems.push(format!(
                    "`.{setting}(\"{path}\")` requires the path of a page of this portal, such as `/`"
                ));
            } else if !has_others && !is_served(without_query) {
                problems.push(format!(
                    "`.{setting}(\"{path}\")` does not name a page of this portal; add a page with this route or use another path"
                ));
            }
        }
        config.home_path = self.home.unwrap_or_else(|| default_home(pages).to_owned());
        config.profile_path = self
            .profile
            .or_else(|| is_served(PROFILE).then(|| PROFILE.to_owned()));
        problems
    }
}

/// Returns `/` if it is a page, otherwise the first page in the navigation that every user may
/// open.
fn default_home(pages: &[Page]) -> &str {
    let is_open = |page: &&Page| matches!(page.access, Access::Public | Access::User);
    if pages.iter().any(|page| page.path == "/") {
        return "/";
    }
    let in_nav = pages.iter().filter(is_open);
    let first = in_nav
        .filter_map(|page| Some((page.nav.as_ref()?.position(), page.path)))
        .min();
    first.map_or("/", |(_, path)| path)
}

fn is_get(route: &RouteInfo) -> bool {
    route
        .method
        .as_ref()
        .is_none_or(|method| *method == axum::http::Method::GET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::NavItem;

    fn page(path: &'static str, access: Access, order: Option<i32>) -> Page {
        let page = Page::get(path, async || maud::html! {});
        let page = page.access(access);
        match order {
            Some(order) => page.nav(NavItem::new("A page").order(order)),
            None => page,
        }
    }

    fn resolved(known: KnownPages, pages: &[Page]) -> (String, Option<String>, Vec<String>) {
        let mut config = Config::default();
        let problems = known.resolve(&mut config, pages, &[], false);
        (config.home_path, config.profile_path, problems)
    }

    #[test]
    fn home_defaults_to_root_or_first_open_navigation_page() {
        let root = page("/", Access::Public, None);
        let admin = page("/admin", Access::Admin, Some(1));
        let orders = page("/orders", Access::User, Some(3));
        let news = page("/news", Access::Public, Some(2));
        for (pages, home) in [
            (vec![orders.clone(), root], "/"),
            (vec![admin.clone(), orders, news], "/news"),
            (vec![admin], "/"),
            (vec![], "/"),
        ] {
            assert_eq!(resolved(KnownPages::default(), &pages).0, home);
        }
    }

    #[test]
    fn profile_defaults_to_the_usual_path_if_it_is_a_page() {
        let profile = page("/profile", Access::User, None);
        let found = resolved(KnownPages::default(), &[profile]).1;
        assert_eq!(found.as_deref(), Some("/profile"));
        assert_eq!(resolved(KnownPages::default(), &[]).1, None);
    }

    #[test]
    fn paths_that_are_not_pages_are_problems() {
        let known = KnownPages {
            home: Some("//evil.example".to_owned()),
            profile: Some("/me".to_owned()),
        };
        let (.., problems) = resolved(known, &[page("/", Access::Public, None)]);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("`.home_path(\"//evil.example\")`"));
        assert!(problems[1].contains("`.profile_path(\"/me\")` does not name a page"));
    }
}
