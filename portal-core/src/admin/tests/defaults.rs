//! Default rows.

use serde_json::json;

use super::{models, rows, values};
use crate::admin::defaults::DefaultRows;
use crate::admin::precondition::Precondition;
use crate::auth::Actor;

#[tokio::test]
async fn defaults_are_added_once() {
    let models = models().await;
    let defaults =
        DefaultRows::parse("plan:\n  - name: Basic\n    seats: 1\n  - {name: Pro, tier: pro}\n")
            .unwrap();
    assert_eq!(defaults.problems(models.registry()), Vec::<String>::new());
    let added = defaults
        .apply(models.store(), models.registry(), &Actor::command_line())
        .await
        .unwrap();
    assert_eq!(added["plan"], 2);
    let change = values(json!({"seats": 5}));
    rows(&models, "plan")
        .await
        .change("1", &Precondition::Any, change, false)
        .await
        .unwrap();
    let added = defaults
        .apply(models.store(), models.registry(), &Actor::command_line())
        .await
        .unwrap();
    assert_eq!(added["plan"], 0);
    assert_eq!(
        rows(&models, "plan").await.get("1").await.unwrap().values["seats"],
        5
    );
}

#[tokio::test]
async fn invalid_defaults_are_reported_with_model_and_row() {
    let models = models().await;
    let text = "plan:\n  - {name: A}\n  - {tier: gold}\nplans: []\nsubscription:\n  - {name: B, plan_id: 1}\n";
    let problems = DefaultRows::parse(text)
        .unwrap()
        .problems(models.registry());
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert_eq!(
        problems[0],
        "row 2 of `plan` in the defaults: /name must not be empty"
    );
    assert!(problems[2].contains("`plans`"), "{problems:#?}");
    assert!(
        problems[3].contains("no value in a unique field"),
        "{problems:#?}"
    );
    assert!(
        DefaultRows::parse("plan: 5")
            .unwrap_err()
            .contains("`plan`")
    );
    assert!(DefaultRows::parse("plan: [").unwrap_err().contains("line "));
}
