//! Decides which texts are points in time to go-yaml v2: they need quotes when written.

/// True for `2001-12-14`, `2001-12-14T21:59:43.10-05:00`, `2001-12-14 21:59:43.10`: days and hours may have one
/// digit, and the date must exist.
pub(super) fn is_timestamp(text: &str) -> bool {
    let mut cursor = Cursor(text.as_bytes());
    cursor.date().is_some() && (cursor.0.is_empty() || cursor.time().is_some())
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn took(&mut self, wanted: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[wanted])?;
        Some(())
    }

    /// A number of one or two digits, `most` at most.
    fn short(&mut self, most: u32) -> Option<u32> {
        let digits = self.0.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
        self.digits(digits).filter(|&number| number <= most)
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        std::str::from_utf8(number).ok()?.parse().ok()
    }

    fn date(&mut self) -> Option<()> {
        let start = self.0.get(..4)?;
        if !start.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let year = self.digits(4)?;
        self.took(b'-')?;
        let month = self.short(12)?;
        self.took(b'-')?;
        let day = self.short(31)?;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            0 => return None,
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (1..=last).contains(&day).then_some(())
    }

    fn time(&mut self) -> Option<()> {
        let with_zone = match self.0 {
            [b'T' | b't', ..] => true,
            [b' ', ..] => false,
            _ => return None,
        };
        self.0 = self.0.get(1..)?;
        self.short(23)?;
        self.took(b':')?;
        self.short(59)?;
        self.took(b':')?;
        self.short(59)?;
        self.fraction();
        if with_zone {
            self.zone()?;
        }
        self.0.is_empty().then_some(())
    }

    fn fraction(&mut self) {
        if let [b'.' | b',', digits @ ..] = self.0 {
            let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if count > 0 {
                self.0 = digits.get(count..).unwrap_or_default();
            }
        }
    }

    /// `Z` or `+hh:mm`.
    fn zone(&mut self) -> Option<()> {
        if self.took(b'Z').is_some() {
            return Some(());
        }
        if !matches!(self.0, [b'+' | b'-', h, i, b':', m, n] if [h, i, m, n].iter().all(|byte| byte.is_ascii_digit()))
        {
            return None;
        }
        self.0 = self.0.get(1..)?;
        let hours = self.digits(2)?;
        self.took(b':')?;
        let minutes = self.digits(2)?;
        (hours <= 24 && minutes <= 60).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dates_that_exist_are_points_in_time() {
        let times = [
            "2001-12-14",
            "2001-1-2",
            "2001-12-14T21:59:43.10-05:00",
            "2001-12-14t1:2:3Z",
            "2001-12-14 21:59:43.10",
            "2001-12-14 21:59:43",
            "2024-02-29",
            "2001-12-14T21:59:43+24:60",
        ];
        for text in times {
            assert!(is_timestamp(text), "{text}");
        }
        let others = [
            "2001-13-14",
            "2001-2-29",
            "2001-12-14T21:59:43",
            "2001-12-14 21:59:43Z",
            "2001-12-14 24:00:00",
            "2001-12-14 21:59:60",
            "2001-12-1a",
            "12001-12-14",
            "2001-12",
            "2001-12-14T21:59:43+25:00",
            "2001-12-14T21:59:43.+05:00",
            "2001-12-014",
        ];
        for text in others {
            assert!(!is_timestamp(text), "{text}");
        }
    }
}
