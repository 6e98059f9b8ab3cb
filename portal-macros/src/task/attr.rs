//! Keys of `#[monitored_background_task]`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::LitStr;

use crate::errors::Errors;
use crate::guard::AccessRule;
use crate::keys::{Flag, Keys};
use crate::paths::Paths;

use super::duration;

const KEYS: &[&str] = &[
    "group",
    "name",
    "title",
    "timeout",
    "on_crash",
    "notify",
    "retries",
    "backoff",
    "priority",
    "concurrency",
    "unique",
    "max_args",
    "schedule",
    "time_zone",
    "requires_auth",
    "requires_admin",
    "requires_role",
    "requires_permission",
    "internal",
    "crate",
];

/// Parsed attribute, before the function is checked.
pub(crate) struct TaskAttribute {
    pub(crate) paths: Paths,
    pub(crate) group: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) title: Option<LitStr>,
    pub(crate) timeout_milliseconds: Option<u64>,
    /// Name of the `OnCrash` variant.
    pub(crate) on_crash: Option<Ident>,
    /// Name of the `TaskNotify` variant.
    pub(crate) notify: Option<Ident>,
    pub(crate) retries: Option<u32>,
    pub(crate) backoff_milliseconds: Option<u64>,
    pub(crate) priority: Option<i32>,
    pub(crate) concurrency: Option<u32>,
    pub(crate) unique: bool,
    /// Maximum size of the arguments in bytes, and its location.
    pub(crate) max_args: Option<(usize, Span)>,
    /// Cron expression.
    pub(crate) schedule: Option<LitStr>,
    pub(crate) time_zone: Option<LitStr>,
    pub(crate) guard: AccessRule,
    pub(crate) internal: bool,
}

impl TaskAttribute {
    /// Parses the attribute; reports invalid values and omits them.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut keys = Keys::parse(tokens, KEYS, errors);
        let (schedule, time_zone) = take_schedule(&mut keys, errors);
        let internal = keys.take_flag("internal", errors);
        let guard = AccessRule::take(&mut keys, errors);
        if let Some(Flag { is_set: true, span }) = internal
            && !matches!(guard, AccessRule::Public)
        {
            errors.at(
                span,
                "an `internal` task can be enqueued only from code, where `requires_..` has no effect; keep one of the two keys",
            );
        }
        let (retries, backoff_milliseconds) = take_retries(&mut keys, errors);
        Self {
            paths: Paths::take(&mut keys, errors),
            group: keys.take_url_name("group", errors),
            name: keys.take_url_name("name", errors),
            title: keys.take_string("title", errors),
            timeout_milliseconds: take_duration("timeout", &mut keys, errors),
            on_crash: take_on_crash(&mut keys, errors),
            notify: take_notify(&mut keys, errors),
            retries,
            backoff_milliseconds,
            priority: keys.take("priority").and_then(|key| key.integer(errors)),
            concurrency: take_count("concurrency", 1, &mut keys, errors),
            unique: keys.is_set("unique", errors),
            max_args: keys.take_size("max_args", errors),
            schedule,
            time_zone,
            guard,
            internal: internal.is_some_and(|flag| flag.is_set),
        }
    }
}

fn take_duration(name: &str, keys: &mut Keys, errors: &mut Errors) -> Option<u64> {
    let written = keys.take(name)?.duration_text(errors)?;
    match duration::milliseconds(&written.value()) {
        Ok(milliseconds) => Some(milliseconds),
        Err(message) => {
            errors.at(written.span(), message);
            None
        }
    }
}

/// Takes a whole number no smaller than `least`.
fn take_count(name: &str, least: u32, keys: &mut Keys, errors: &mut Errors) -> Option<u32> {
    let key = keys.take(name)?;
    let number = key.integer(errors)?;
    match u32::try_from(number) {
        Ok(number) if number >= least => Some(number),
        _ => {
            let message = format!("`{name}` must be at least {least}");
            errors.at(key.name.span(), message);
            None
        }
    }
}

/// Takes `retries` and `backoff`; reports a `backoff` without retries, which has no effect.
fn take_retries(keys: &mut Keys, errors: &mut Errors) -> (Option<u32>, Option<u64>) {
    let retries = keys.contains("retries");
    let backoff = keys.span_of("backoff");
    if let (false, Some(backoff)) = (retries, backoff) {
        errors.at(backoff, "`backoff` requires `retries`; add `retries = 3`");
    }
    (
        take_count("retries", 0, keys, errors),
        take_duration("backoff", keys, errors),
    )
}

fn take_schedule(keys: &mut Keys, errors: &mut Errors) -> (Option<LitStr>, Option<LitStr>) {
    let schedule = keys.take("schedule");
    let time_zone = keys.take("time_zone");
    if let (None, Some(time_zone)) = (&schedule, &time_zone) {
        errors.at(
            time_zone.name.span(),
            "`time_zone` requires `schedule = \"..\"`",
        );
    }
    (
        schedule.and_then(|key| key.string(errors)),
        time_zone.and_then(|key| key.string(errors)),
    )
}

fn take_notify(keys: &mut Keys, errors: &mut Errors) -> Option<Ident> {
    let words = ["never", "failure", "slow", "always"];
    let word = keys.take("notify")?.word(&words, errors)?;
    let variant = match word.as_str() {
        "never" => "Never",
        "failure" => "Failure",
        "slow" => "Slow",
        _ => "Always",
    };
    Some(Ident::new(variant, Span::call_site()))
}

fn take_on_crash(keys: &mut Keys, errors: &mut Errors) -> Option<Ident> {
    let word = keys.take("on_crash")?.word(&["rerun", "fail"], errors)?;
    let variant = if word == "fail" { "Fail" } else { "Rerun" };
    Some(Ident::new(variant, Span::call_site()))
}
