//! Page list: merges the pages from all sources and reports pages that cannot be served.

use std::collections::{BTreeMap, HashSet};

use super::builder::PortalBuilder;
use super::maintenance_page;
use super::overlap::is_route;
use super::routes::{conflicts, reserved_prefix, shape};
use super::validate::missing_data;
use crate::admin::{self, ModelRegistry};
use crate::auth::RouteInfo;
use crate::notifications;
use crate::pages::{self, Page, Requirement};
use crate::source::Source;
use crate::tasks;

impl PortalBuilder {
    /// Returns the portal's pages.
    ///
    /// Pages with the same source count as one page; two different pages with the same route are a
    /// problem.
    pub(super) fn collect_pages(
        &mut self,
        models: &ModelRegistry,
        taken: &[RouteInfo],
        dev: bool,
        problems: &mut Vec<String>,
    ) -> Vec<Page> {
        let mut known: HashSet<Source> = HashSet::new();
        let mut by_route: BTreeMap<(String, String), Page> = BTreeMap::new();
        let without = std::mem::take(&mut self.without_pages);
        let mut names: Vec<String> = Vec::new();
        let selected = std::mem::take(&mut self.pages)
            .into_iter()
            .chain(admin::pages(models))
            .chain(tasks::pages())
            .chain(notifications::pages())
            .chain(maintenance_page::pages())
            .chain([pages::search_page()])
            .filter(|page| {
                let name = page.source.to_string();
                let is_kept = !without.contains(&name);
                names.push(name);
                is_kept
            })
            .chain(pages::sign_in_pages())
            .chain(dev.then(pages::gallery_page));
        for page in selected {
            if !known.insert(page.source) {
                continue;
            }
            if let Some(problem) = invalid_route(&page, taken) {
                problems.push(problem);
                continue;
            }
            let key = (page.method.to_string(), shape(page.path));
            if let Some(other) = by_route.get(&key) {
                problems.push(duplicate_pages(other, &page));
                continue;
            }
            for dependency in &page.dependencies {
                if !self.data.contains_key(&dependency.id) {
                    problems.push(missing_data("page", page.source, dependency.name));
                }
            }
            let invalid = page.requirements.iter().filter_map(Requirement::problem);
            problems.extend(invalid.map(|problem| {
                let Source { file, line, .. } = page.source;
                format!("page `{}`: {problem}\n       {file}:{line}", page.source)
            }));
            by_route.insert(key, page);
        }
        let unknown = without.iter().filter(|name| !names.contains(name));
        problems.extend(unknown.map(|name| no_such_page(name, &names)));
        by_route.into_values().collect()
    }
}

/// Describes the problem with a page's route if the route is invalid.
fn invalid_route(page: &Page, taken: &[RouteInfo]) -> Option<String> {
    let reason = if !page.path.starts_with('/') {
        "which must start with `/`".to_owned()
    } else if !is_route(page.path) {
        "which is not valid in axum; write parameters as `{id}`, and a trailing wildcard as `{*rest}`".to_owned()
    } else if let Some(prefix) = reserved_prefix(page.path) {
        format!(
            "but `{prefix}/` is reserved; change the route, or declare an API route with `Routes`"
        )
    } else if taken.iter().any(|own| conflicts(own, &page.declared())) {
        "which would shadow a route of the portal".to_owned()
    } else {
        return None;
    };
    let Source { file, line, .. } = page.source;
    Some(format!(
        "page `{}` has the route `{}`, {reason}\n       {file}:{line}",
        page.source, page.path
    ))
}

fn duplicate_pages(one: &Page, other: &Page) -> String {
    let line = |page: &Page| {
        format!(
            "       {}   {}:{}",
            page.source, page.source.file, page.source.line
        )
    };
    format!(
        "two pages claim {} `{}`\n{}\n{}\n     change one of the routes, or remove a page with `.without_page(\"{}\")`",
        other.method,
        other.path,
        line(one),
        line(other),
        one.source
    )
}

fn no_such_page(name: &str, pages: &[String]) -> String {
    let likeness = |other: &&String| strsim::jaro_winkler(name, other);
    let closest = pages
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let suggestion = match closest {
        Some(other) if likeness(&other) > 0.8 => format!(", did you mean `{other}`?"),
        _ => "; the subcommand `routes` lists the names".to_owned(),
    };
    format!("`.without_page(\"{name}\")` does not name a page{suggestion}")
}
