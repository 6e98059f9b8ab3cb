//! Comparison operators of filters.

/// Comparison operator of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `eq`: the value is equal.
    Equal,
    /// `ne`: the value is not equal, or missing.
    NotEqual,
    /// `lt`: the value is less.
    Less,
    /// `lte`: the value is less or equal.
    LessOrEqual,
    /// `gt`: the value is greater.
    Greater,
    /// `gte`: the value is greater or equal.
    GreaterOrEqual,
    /// `in`: the value is equal to one of several values.
    In,
    /// `contains`: the text contains another text, ignoring case.
    Contains,
}

impl Operator {
    /// Returns the operator that has this name in URLs.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "lt" => Self::Less,
            "lte" => Self::LessOrEqual,
            "gt" => Self::Greater,
            "gte" => Self::GreaterOrEqual,
            "in" => Self::In,
            "contains" => Self::Contains,
            _ => return None,
        })
    }

    /// Returns the name in URLs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Less => "lt",
            Self::LessOrEqual => "lte",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "gte",
            Self::In => "in",
            Self::Contains => "contains",
        }
    }

    /// Returns `true` if the operator only checks whether values are equal.
    pub(super) fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::In)
    }
}
