//! When a certificate is replaced before its end.

use jiff::{SignedDuration, Timestamp};

/// The seconds in a text such as `90s`, `1h30m` or `30d`; `None` where it is none, or of no length.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let (mut rest, mut total) = (text, 0_i64);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).filter(|digits| *digits > 0)?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let unit = match tail.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = tail.get(1..)?;
    }
    Some(total).filter(|total| *total > 0)
}

/// `offset` seconds before `expires`, but not before half of the life is over: what is given for a shorter time than
/// that would be replaced without end.
pub(super) fn replaced(issued: Timestamp, expires: Timestamp, offset: i64) -> Timestamp {
    let half = expires.duration_since(issued) / 2;
    let offset = SignedDuration::from_secs(offset).min(half.max(SignedDuration::ZERO));
    expires.checked_sub(offset).unwrap_or(expires)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, expected) in
            [("90s", 90), ("5m", 300), ("1h30m", 5_400), ("30d", 2_592_000), ("1d1s", 86_401)]
        {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in
            ["", "0s", "5", "h", "1.5h", "-1h", "1w", "1h ", "99999999999999999999s", "9999999999999999d"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn the_offset_counts_from_the_end_and_at_most_half_of_the_life() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert_eq!(replaced(at(0), at(1_000), 100), at(900));
        assert_eq!(replaced(at(0), at(1_000), 5_000), at(500));
        assert_eq!(replaced(at(10), at(0), 5_000), at(0));
    }
}
