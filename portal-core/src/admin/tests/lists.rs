//! Lists of rows.

use super::{models, names, rows, with_plans};
use crate::admin::query::ListQuery;

#[tokio::test]
async fn lists_are_searched_sorted_and_filtered() {
    let models = with_plans().await;
    assert_eq!(names(&models, "search=bas").await, ["Basic"]);
    assert_eq!(names(&models, "search=Étoile").await, ["ÉTOILE"]);
    assert_eq!(
        names(&models, "search=%25").await,
        ["100%"],
        "not a wildcard"
    );
    assert_eq!(names(&models, "search=_").await, Vec::<String>::new());
    assert_eq!(
        names(&models, "sort=-seats,name").await,
        ["ÉTOILE", "Basic", "100%"]
    );
    assert_eq!(
        names(&models, "sort=seats").await,
        ["Basic", "ÉTOILE", "100%"]
    );
    assert_eq!(names(&models, "filter[seats][gte]=2").await, ["ÉTOILE"]);
    assert_eq!(names(&models, "filter[seats]=").await, ["100%"]);
    assert_eq!(
        names(&models, "sort=id&filter[seats][ne]=1").await,
        ["ÉTOILE", "100%"]
    );
    assert_eq!(
        names(
            &models,
            "sort=id&filter[tier][in]=pro,free&filter[id][lt]=3"
        )
        .await,
        ["Basic", "ÉTOILE"]
    );
    assert_eq!(
        names(&models, "filter[settings][contains]=RED").await,
        ["100%"]
    );
    assert_eq!(
        names(
            &models,
            "filter[created_at][gt]=2020-01-01T00:00:00Z&per_page=100"
        )
        .await
        .len(),
        3
    );
    assert_eq!(
        names(&models, "filter%5Bname%5D=Basic&page=1").await,
        ["Basic"]
    );
    assert_eq!(names(&models, "page=2").await, Vec::<String>::new());
}

#[tokio::test]
async fn all_errors_of_a_query_are_reported() {
    let models = models().await;
    let rows = rows(&models, "plan").await;
    let query = "page=0&per_page=30&sort=colour,settings&filter[colour]=red&filter[seats]=many&filter[name][like]=a&limit=5&page=1&filter[id][contains]=1";
    let error = ListQuery::parse(rows.model(), query).unwrap_err();
    let codes: Vec<&str> = error
        .field_errors()
        .iter()
        .map(|error| error.code.as_str())
        .collect();
    assert_eq!(
        codes,
        [
            "invalid_value",
            "not_allowed",
            "unknown_field",
            "unknown_field",
            "unknown_field",
            "invalid_type",
            "unknown_operator",
            "unknown_parameter",
            "duplicate",
            "not_allowed"
        ]
    );
}
