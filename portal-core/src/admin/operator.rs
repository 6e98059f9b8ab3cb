//! Comparison operators of filters.

/// Comparison operator of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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
    /// `starts_with`: the text starts with another text, ignoring case.
    StartsWith,
    /// `empty`: the value is missing or an empty text (`true`), or neither (`false`).
    Empty,
}

impl Operator {
    pub(super) const ALL: [Self; 10] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::In,
        Self::Contains,
        Self::StartsWith,
        Self::Empty,
    ];

    /// Returns the operator that has this name in URLs.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Returns the names of all operators, for messages.
    pub(super) fn names() -> String {
        let names = Self::ALL.map(Self::name);
        let (last, others) = names.split_last().unwrap_or((&"", &[]));
        format!("{} or {last}", others.join(", "))
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
            Self::StartsWith => "starts_with",
            Self::Empty => "empty",
        }
    }

    /// Returns `true` if the operator only checks whether values are equal.
    pub(super) fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::In)
    }
}
