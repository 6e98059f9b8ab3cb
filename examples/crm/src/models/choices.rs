//! Fields with a fixed set of values, with their labels.

use portal_core::admin::AdminChoice;
use portal_core::pages::components::Tone;
use portal_core::prelude::*;
use portal_core::store::Row;

macro_rules! choices {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $value:literal, $label:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name {
            $(#[doc = $label] $variant,)+
        }

        impl $name {
            /// Returns the label for display.
            #[allow(dead_code, reason = "no page shows the industry")]
            pub(crate) const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }
        }

        impl AdminChoice for $name {
            const CHOICES: &'static [&'static str] = &[$($value),+];

            fn as_str(&self) -> &'static str {
                match self { $(Self::$variant => $value,)+ }
            }

            fn from_choice(text: &str) -> Option<Self> {
                match text { $($value => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

choices! {
    /// Stage of a deal.
    Stage {
        Lead = "lead", "Lead";
        Qualified = "qualified", "Qualified";
        Proposal = "proposal", "Proposal";
        Negotiation = "negotiation", "Negotiation";
        Won = "won", "Won";
        Lost = "lost", "Lost";
    }
}

choices! {
    /// Industry of a company.
    Industry {
        Manufacturing = "manufacturing", "Manufacturing";
        Logistics = "logistics", "Logistics";
        Retail = "retail", "Retail";
        Health = "health", "Health";
        Energy = "energy", "Energy";
        Services = "services", "Services";
    }
}

choices! {
    /// Kind of an activity.
    ActivityKind {
        Call = "call", "Call";
        Email = "email", "E-mail";
        Meeting = "meeting", "Meeting";
        Offer = "offer", "Offer";
    }
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
