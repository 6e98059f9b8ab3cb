//! Fields with a fixed set of values, with their labels.

use portal_core::pages::components::Tone;
use portal_core::prelude::*;
use portal_core::store::Row;

/// Stage of a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AdminChoice)]
pub(crate) enum Stage {
    Lead,
    Qualified,
    Proposal,
    Negotiation,
    Won,
    Lost,
}

/// Industry of a company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AdminChoice)]
pub(crate) enum Industry {
    Manufacturing,
    Logistics,
    Retail,
    Health,
    Energy,
    Services,
}

/// Kind of an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AdminChoice)]
pub(crate) enum ActivityKind {
    Call,
    #[admin(label = "E-mail")]
    Email,
    Meeting,
    Offer,
}

impl Stage {
    /// Stages of deals that are neither won nor lost, in the order of the pipeline.
    pub(crate) const OPEN: [Self; 4] = [
        Self::Lead,
        Self::Qualified,
        Self::Proposal,
        Self::Negotiation,
    ];

    /// Returns the probability that a deal in this stage is won, in percent.
    pub(crate) const fn probability(self) -> i64 {
        match self {
            Self::Lead => 10,
            Self::Qualified => 25,
            Self::Proposal => 50,
            Self::Negotiation => 75,
            Self::Won => 100,
            Self::Lost => 0,
        }
    }

    /// Returns the color of the stage in charts and badges.
    pub(crate) const fn tone(self) -> Tone {
        match self {
            Self::Lead => Tone::Neutral,
            Self::Qualified => Tone::Info,
            Self::Proposal => Tone::Accent,
            Self::Negotiation => Tone::Warning,
            Self::Won => Tone::Success,
            Self::Lost => Tone::Danger,
        }
    }
}

/// Reads a choice from a column of a query.
pub(crate) fn read_choice<C: AdminChoice>(row: &Row, column: &str) -> Result<C> {
    let text: String = row.get(column)?;
    C::from_choice(&text)
        .ok_or_else(|| Error::internal(format!("`{column}` contains the unknown value `{text}`")))
}
