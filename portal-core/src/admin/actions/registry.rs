//! Adds actions to the models on whose rows they run.

use super::super::spec::ModelSpec;
use super::definition::AdminAction;

/// Names with another meaning in URLs or in the history of a row.
const RESERVED: [&str; 7] = [
    "create", "update", "delete", "restore", "import", "export", "confirm",
];

/// Adds actions to their models, and returns problems. Actions with the same source count as one.
pub(crate) fn attach(actions: Vec<AdminAction>, models: &mut [ModelSpec]) -> Vec<String> {
    let mut problems = Vec::new();
    for action in actions {
        let place = place(&action);
        let Some(model) = models.iter_mut().find(|model| model.name == action.model) else {
            problems.push(format!(
                "the action {place} runs on the model `{}`, which is not registered; add it with `.admin_model::<..>()`",
                action.model
            ));
            continue;
        };
        let is_word = |text: &str| {
            let mut bytes = text.bytes();
            bytes.next().is_some_and(|first| first.is_ascii_lowercase())
                && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        };
        if !is_word(action.name) || RESERVED.contains(&action.name) {
            problems.push(format!(
                "invalid name `{}` of the action {place}; use `a-z`, `0-9` and `_`, and none of {}",
                action.name,
                RESERVED.map(|name| format!("`{name}`")).join(", ")
            ));
        }
        if action.targets.is_empty() {
            problems.push(format!(
                "the action {place} is not offered for any rows; choose at least one of `one`, `many` and `all`"
            ));
        }
        match model.actions.iter().find(|it| it.name == action.name) {
            Some(other) if other.source == action.source => continue,
            Some(other) => problems.push(format!(
                "two actions of the model `{}` are named `{}`: {} and {place}; rename one of them with `name`",
                model.name,
                action.name,
                self::place(other)
            )),
            None => {}
        }
        if let Some(access) = &action.access {
            let policy = model.policy.clone();
            model.policy = policy.rule(action.operation(), access.clone());
        }
        model.actions.push(action);
    }
    problems
}

fn place(action: &AdminAction) -> String {
    let source = &action.source;
    format!("`{source}` ({}:{})", source.file, source.line)
}
