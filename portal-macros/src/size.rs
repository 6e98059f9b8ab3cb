//! Sizes, as in `max_args = "256KiB"`.

/// Maximum size: 1 GiB.
const MAX_SIZE: u64 = 1 << 30;

/// Parses a size and returns it in bytes; the error states the expected form.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    parse(text.trim())
        .filter(|bytes| (1..=MAX_SIZE).contains(bytes))
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| {
            format!(
                "`{text}` is not a size from 1 B to 1 GiB; use a value such as \"256KiB\" or \"1MiB\""
            )
        })
}

fn parse(text: &str) -> Option<u64> {
    let (count, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit())?);
    let unit = match unit.trim() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed() {
        for (text, expected) in [
            ("512B", 512),
            ("64KiB", 65_536),
            ("2 MiB", 2_097_152),
            ("1GiB", 1_073_741_824),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn invalid_sizes_are_rejected() {
        for text in [
            "",
            "64",
            "KiB",
            "64KB",
            "64k",
            "0B",
            "-1B",
            "1.5MiB",
            "2GiB",
            "99999999999999999999B",
        ] {
            let message = format!(
                "`{text}` is not a size from 1 B to 1 GiB; use a value such as \"256KiB\" or \"1MiB\""
            );
            assert_eq!(bytes(text), Err(message));
        }
    }
}
