//! Models of the application, one file each, and the types of their fields.

mod activity;
mod amount;
mod choices;
mod company;
mod contact;
mod deal;
mod tag;

pub(crate) use activity::Activity;
pub(crate) use amount::Amount;
pub(crate) use choices::{ActivityKind, Industry, Stage, read_choice};
pub(crate) use company::Company;
pub(crate) use contact::Contact;
pub(crate) use deal::Deal;
pub(crate) use tag::Tag;

/// Names of the tables, for statements that typed queries do not cover.
pub(crate) mod tables {
    use portal_core::AdminModel;

    pub(crate) const COMPANY: &str = <super::Company as AdminModel>::NAME;
    pub(crate) const DEAL: &str = <super::Deal as AdminModel>::NAME;
}
