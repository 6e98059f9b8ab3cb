//! Models of the application, one file each, and the types of their fields.

mod activity;
mod amount;
mod choices;
mod company;
mod contact;
mod deal;

pub(crate) use activity::Activity;
pub(crate) use amount::Amount;
pub(crate) use choices::{ActivityKind, Industry, Stage, read_choice};
pub(crate) use company::Company;
pub(crate) use contact::Contact;
pub(crate) use deal::Deal;
