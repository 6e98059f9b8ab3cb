//! Thousands separators in numbers.

/// Formats a number with separators between groups of three digits.
pub(crate) fn grouped(number: &str) -> String {
    let (sign, rest) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let digits = rest.chars().take_while(char::is_ascii_digit).count();
    let (whole, fraction) = rest.split_at(digits);
    let mut text = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (digits - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [
            ("0", "0"),
            ("999", "999"),
            ("41250", "41,250"),
            ("-1234567.25", "-1,234,567.25"),
            ("9223372036854775807", "9,223,372,036,854,775,807"),
        ] {
            assert_eq!(grouped(number), expected);
        }
    }
}
