//! Durations, as in `timeout = "1h30m"`.

/// Parses a duration and returns it in milliseconds; the error states the expected form.
pub(crate) fn milliseconds(text: &str) -> Result<u64, String> {
    let total = parse(text.trim()).ok_or_else(|| {
        format!("`{text}` is not a duration; use a value such as \"90s\", \"5m\" or \"1h30m\"")
    })?;
    if total == 0 {
        return Err("a duration must be greater than zero".to_owned());
    }
    Ok(total)
}

fn parse(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    let mut rest = text;
    let mut unit_before = u64::MAX;
    while !rest.is_empty() {
        let (count, after) = rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit())?);
        let end = after
            .find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = milliseconds_in(unit.trim())?;
        // "30m1h" and "5m5m" are typos, not sums.
        if unit >= unit_before {
            return None;
        }
        unit_before = unit;
        total = total.checked_add(count.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = after;
    }
    Some(total)
}

fn milliseconds_in(unit: &str) -> Option<u64> {
    match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed() {
        for (text, expected) in [
            ("250ms", 250),
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(milliseconds(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn invalid_durations_are_rejected() {
        for text in [
            "",
            "5",
            "m",
            "5 minutes",
            "-5m",
            "1.5h",
            "30m1h",
            "5m5m",
            "99999999999999999999d",
        ] {
            let message = format!(
                "`{text}` is not a duration; use a value such as \"90s\", \"5m\" or \"1h30m\""
            );
            assert_eq!(milliseconds(text), Err(message));
        }
        assert_eq!(
            milliseconds("0s"),
            Err("a duration must be greater than zero".to_owned())
        );
    }
}
