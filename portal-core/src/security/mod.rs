//! Rules that every request and every answer keeps: where it may come from, what it carries.

mod headers;
mod origin;

pub(crate) use headers::{AnswerHeaders, REQUEST_ID};
pub(crate) use origin::Origins;
