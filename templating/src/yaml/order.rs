//! Decides the order of the keys of a written map: letters after the rest, numbers inside a key by their size.

use unicode_general_category::{GeneralCategory, get_general_category};

/// Sorts by key. The comparison need not be a total order, so the standard sort, which may panic then, is out of
/// the question.
pub(super) fn sorted<T>(mut entries: Vec<(&str, T)>) -> Vec<(&str, T)> {
    if entries.len() < 2 {
        return entries;
    }
    let right = sorted(entries.split_off(entries.len() / 2));
    let left = sorted(entries);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some(one), Some(other)) if comes_before(other.0, one.0) => merged.extend(right.next()),
            (Some(_), _) => merged.extend(left.next()),
            (None, _) => {
                merged.extend(right);
                return merged;
            }
        }
    }
}

fn comes_before(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let Some(at) = one.iter().zip(&other).position(|(one, other)| one != other) else {
        return one.len() < other.len();
    };
    let (Some(&mine), Some(&theirs)) = (one.get(at), other.get(at)) else { return false };
    match (is_letter(mine), is_letter(theirs)) {
        (true, true) => return mine < theirs,
        (false, false) => {}
        (_, theirs_is_letter) => return theirs_is_letter,
    }
    // After a number has begun, a zero is a digit like all others.
    let inside = (mine == '0' || theirs == '0')
        && one.iter().take(at).rev().take_while(|character| is_digit(**character)).any(|digit| *digit != '0');
    let start = i64::from(inside);
    let (my_number, my_length) = number(one.get(at..).unwrap_or_default(), start);
    let (their_number, their_length) = number(other.get(at..).unwrap_or_default(), start);
    if my_number != their_number {
        my_number < their_number
    } else if my_length != their_length {
        my_length < their_length
    } else {
        mine < theirs
    }
}

/// The number at the start and how many digits it has.
fn number(characters: &[char], start: i64) -> (i64, usize) {
    let digits = characters.iter().take_while(|character| is_digit(**character));
    let value = |digit: &char| i64::from(u32::from(*digit)) - i64::from(u32::from('0'));
    digits.fold((start, 0), |(number, length), digit| {
        (number.wrapping_mul(10).wrapping_add(value(digit)), length + 1)
    })
}

fn is_letter(character: char) -> bool {
    use GeneralCategory::{LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter, UppercaseLetter};
    matches!(
        get_general_category(character),
        LowercaseLetter | ModifierLetter | OtherLetter | TitlecaseLetter | UppercaseLetter
    )
}

fn is_digit(character: char) -> bool {
    get_general_category(character) == GeneralCategory::DecimalNumber
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_as_go_yaml_sorts_them() {
        let expected = [
            "", "_b", "1", "2", "10", "a", "a-b", "a1", "a01", "a2", "a10", "aB", "ab", "ab1", "b1.2",
            "b1.10", "\u{e9}",
        ];
        let mut mixed: Vec<(&str, ())> = expected.iter().rev().map(|key| (*key, ())).collect();
        mixed.swap(2, 9);
        let keys: Vec<&str> = sorted(mixed).into_iter().map(|(key, ())| key).collect();
        assert_eq!(keys, expected);
    }
}
