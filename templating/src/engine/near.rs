//! Decides which existing names to suggest for one that does not exist.

/// Most similar names that a message lists.
const NEAR: usize = 3;
/// Characters of the wanted name that are compared.
const COMPARED: usize = 64;
/// Most names that are looked through.
const LOOKED_THROUGH: usize = 1_000;

/// The end of a message that lists similar names, if there are any.
pub(super) fn near_names(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; similar: {}", names.join(", ")) }
}

/// The names that are closest to the wanted one, three at most; none that differs in more than a third of its characters.
pub fn near<'k>(wanted: &str, names: impl Iterator<Item = &'k str>) -> Vec<String> {
    let wanted: Vec<char> = wanted.chars().take(COMPARED).flat_map(char::to_lowercase).collect();
    let mut near: Vec<(usize, &str)> = names
        .take(LOOKED_THROUGH)
        .filter(|name| name.len() <= 256)
        .map(|name| (distance(&wanted, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= wanted.len().div_ceil(3).max(1))
        .collect();
    near.sort_unstable();
    near.into_iter().take(NEAR).map(|(_, name)| name.to_owned()).collect()
}

/// Insertions, deletions and replacements that make one name of the other.
fn distance(wanted: &[char], name: &str) -> usize {
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (at, character) in name.chars().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        let mut next = vec![left];
        for (above, wanted) in row.iter().skip(1).zip(wanted) {
            let replaced = diagonal + usize::from(*wanted != character);
            left = replaced.min(left + 1).min(above + 1);
            next.push(left);
            diagonal = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_edits() {
        let edits = |one: &str, other: &str| distance(&one.chars().collect::<Vec<_>>(), other);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", ""), 3);
        assert_eq!(edits("pasword", "password"), 1);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("same", "same"), 0);
    }
}
