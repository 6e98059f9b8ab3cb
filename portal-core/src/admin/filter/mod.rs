//! List filters: the form that adds a filter, the chips that describe active filters, and parsing.

mod chips;
mod form;
pub(super) mod parser;

pub(super) use chips::{chips, ignored};
pub(super) use form::{add_button, edited_key, render, requested, sent};

use super::field::FieldSpec;
use super::operator::Operator;

/// Parameter with the field for which the filter form is shown.
pub(super) const ADDING: &str = "add_filter";

/// Parameter with the filters that the form replaces, separated by commas.
pub(super) const EDITING: &str = "edit_filter";

const FIELD: &str = "_field";
const OPERATOR: &str = "_operator";
const VALUE: &str = "_value";
/// Upper bound of a range.
const TO: &str = "_to";
/// Name of the button that only chooses a different field.
const CHOOSE: &str = "_choose";

/// Returns the parameter of a filter.
fn parameter(field: &FieldSpec, operator: Operator) -> String {
    match operator {
        Operator::Equal => format!("filter[{}]", field.name),
        operator => format!("filter[{}][{}]", field.name, operator.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::list_url::ListUrl;
    use super::super::model_view::ModelView;
    use super::super::references::ReferenceLabels;
    use super::*;
    use crate::admin::ModelSpec;
    use crate::auth::Roles;

    fn here(query: &str) -> ListUrl {
        ListUrl::new("/admin/users").read(query)
    }

    fn chip(query: &str) -> String {
        let model = ModelSpec::users(&Roles::default());
        let model = ModelView::of_admin(&model);
        let mut chips = chips(&model, &ReferenceLabels::default(), &here(query));
        assert_eq!(chips.len(), 1, "{chips:?}");
        chips.remove(0).words
    }

    #[test]
    fn chips_describe_conditions_in_words() {
        assert_eq!(chip("filter[user_type]=ADMIN"), "Role: Administrator");
        assert_eq!(
            chip("filter[user_type][in]=ADMIN,USER"),
            "Role: Administrator, User"
        );
        assert_eq!(chip("filter[is_active]=false"), "Active: No");
        assert_eq!(chip("filter[email][contains]=@x"), "E-mail contains “@x”");
        assert_eq!(
            chip("filter[last_login][gte]=2026-05-01T10:00:30Z"),
            "Last sign-in from 2026-05-01 10:00 UTC"
        );
        assert_eq!(chip("filter[last_login]="), "Last sign-in is empty");
        assert_eq!(chip("filter[last_login][ne]="), "Last sign-in is not empty");
        assert_eq!(
            chip("filter[last_login][empty]=true"),
            "Last sign-in is empty"
        );
        assert_eq!(
            chip("filter[email][starts_with]=a"),
            "E-mail starts with “a”"
        );
        assert_eq!(chip("filter[nope]=1"), "nope: 1");
    }

    #[test]
    fn ranges_and_presets_are_one_chip() {
        let range = "filter[last_login][gte]=2026-05-01T00:00:00Z&filter[last_login][lte]=2026-05-02T00:00:00Z";
        assert_eq!(
            chip(range),
            "Last sign-in: 2026-05-01 00:00 UTC – 2026-05-02 00:00 UTC"
        );
        let preset = "filter[last_login][lt]=today%2B1d&filter[last_login][gte]=today-6d";
        assert_eq!(chip(preset), "Last sign-in: in the last 7 days");
        assert_eq!(
            chip("filter[last_login][gte]=today-6d"),
            "Last sign-in from 6 days before today"
        );
        let model = ModelSpec::users(&Roles::default());
        let model = ModelView::of_admin(&model);
        let list = here(&format!("search=a&{range}"));
        let chips = chips(&model, &ReferenceLabels::default(), &list);
        assert_eq!(chips[0].remove(&list), "/admin/users?search=a");
    }

    #[test]
    fn submitted_form_redirects_to_the_filtered_list() {
        let model = ModelSpec::users(&Roles::default());
        let model = ModelView::of_admin(&model);
        let lead = |query: &str| sent(&model, &here(query), query).map(|to| to.query());
        let decoded = |query: &str| {
            let query = lead(query).unwrap();
            let pairs = url::form_urlencoded::parse(query.as_bytes());
            let pairs = pairs.map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join("&")
        };
        assert_eq!(
            decoded("search=a&page=3&_field=email&_operator=contains&_value=+b+"),
            "search=a&filter[email][contains]=b"
        );
        assert_eq!(
            decoded("_field=user_type&_value=ADMIN"),
            "filter[user_type]=ADMIN"
        );
        assert_eq!(
            decoded("_field=user_type&_value=ADMIN&_value=USER"),
            "filter[user_type][in]=ADMIN,USER"
        );
        assert_eq!(
            decoded("_field=last_login&_operator=is_empty&_value=x"),
            "filter[last_login][empty]=true"
        );
        assert_eq!(
            decoded("_field=is_active&_choose=1&_value=x"),
            "add_filter=is_active"
        );
        assert_eq!(decoded("search=a&_field=email&_value="), "search=a");
        assert_eq!(
            decoded(
                "_field=last_login&_operator=between&_value=2026-05-01T00:00&_to=2026-05-02T00:00"
            ),
            "filter[last_login][gte]=2026-05-01T00:00&filter[last_login][lte]=2026-05-02T00:00"
        );
        assert_eq!(
            decoded("_field=last_login&_operator=between&_value=&_to=2026-05-02T00:00"),
            "filter[last_login][lte]=2026-05-02T00:00"
        );
        assert_eq!(
            decoded("_field=last_login&_operator=preset:today&_value="),
            "filter[last_login][gte]=today&filter[last_login][lt]=today+1d"
        );
        let edit = "filter[email]=a&filter[email][contains]=b&edit_filter=filter[email]";
        assert_eq!(
            decoded(&format!("{edit}&_field=email&_operator=ne&_value=c")),
            "filter[email][contains]=b&filter[email][ne]=c"
        );
        assert_eq!(lead("_field=nope&_value=1"), None);
        assert_eq!(lead("search=a"), None);
    }
}
