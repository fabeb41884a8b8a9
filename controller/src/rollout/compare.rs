//! What the Secrets of a policy hold against what they held when it was last looked: pure.

use std::collections::{BTreeMap, HashMap};

use strongroom_crds::SeenSecret;

use crate::hash;

/// So much of a hash is kept.
const FINGERPRINT: usize = 32;

/// A target Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// Its name.
    pub secret: String,
    /// Its uid and the hash of its data, if it exists.
    pub found: Option<(String, String)>,
}

/// The outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// What is settled: the old content where it has changed, the present one where the Secret is new.
    pub secrets: Vec<SeenSecret>,
    /// Where it has changed: the present content, by name.
    pub changed: BTreeMap<String, String>,
}

/// Compares. A Secret that was not looked at before has nothing to be compared with: it is settled as it is. One that is
/// gone for the moment stays as it was. `uids` are those under which the Secrets were last seen: with them, one that was
/// deleted and made anew with the same content is told from one with another.
pub(super) fn compare(
    settled: &[SeenSecret],
    contents: &[Content],
    uids: &HashMap<String, String>,
) -> Compared {
    let mut compared = Compared::default();
    for content in contents {
        let old = settled.iter().find(|secret| secret.name == content.secret);
        if compared.secrets.iter().any(|secret| secret.name == content.secret) {
            continue;
        }
        let seen = |content_: &str| SeenSecret { name: content.secret.clone(), content: content_.to_owned() };
        let Some((uid, hash)) = &content.found else {
            compared.secrets.extend(old.cloned());
            continue;
        };
        let present = fingerprint(uid, hash);
        let same = |old: &SeenSecret| {
            old.content == present
                || uids.get(&content.secret).is_some_and(|uid| fingerprint(uid, hash) == old.content)
        };
        match old {
            Some(old) if !same(old) => {
                compared.secrets.push(old.clone());
                compared.changed.insert(content.secret.clone(), present);
            }
            Some(_) | None => compared.secrets.push(seen(&present)),
        }
    }
    compared.secrets.sort_by(|a, b| a.name.cmp(&b.name));
    compared
}

/// Who may read the policy may not read the Secret: short values must not be found by trying. The uid is known only to who
/// may read the Secret.
fn fingerprint(uid: &str, hash: &str) -> String {
    let mut print = hash::text(&format!("{uid}\n{hash}"));
    print.truncate(FINGERPRINT);
    print
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(secret: &str, uid: &str, hash: &str) -> Content {
        Content { secret: secret.to_owned(), found: Some((uid.to_owned(), hash.to_owned())) }
    }

    fn first(contents: &[Content]) -> Vec<SeenSecret> {
        let compared = compare(&[], contents, &HashMap::new());
        assert!(compared.changed.is_empty(), "what is seen first has not changed");
        compared.secrets
    }

    #[test]
    fn only_another_content_is_a_change_and_the_old_one_stays_settled() {
        let settled = first(&[content("a", "1", "x"), content("b", "2", "x")]);
        assert_ne!(settled[0].content, settled[1].content, "equal contents do not show as equal");
        let none = HashMap::new();
        let same = compare(&settled, &[content("a", "1", "x"), content("b", "2", "x")], &none);
        assert_eq!(same, Compared { secrets: settled.clone(), changed: BTreeMap::new() });
        let changed = compare(&settled, &[content("a", "1", "y"), content("b", "2", "x")], &none);
        assert_eq!(changed.secrets, settled);
        assert_eq!(changed.changed.keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_secret_that_is_away_or_comes_back_as_it_was_has_not_changed() {
        let settled = first(&[content("a", "1", "x")]);
        let uids = HashMap::from([("a".to_owned(), "1".to_owned())]);
        let away = compare(&settled, &[Content { secret: "a".to_owned(), found: None }], &uids);
        assert_eq!(away, Compared { secrets: settled.clone(), changed: BTreeMap::new() });
        let back = compare(&settled, &[content("a", "2", "x")], &uids);
        assert!(back.changed.is_empty() && back.secrets != settled, "settled under its new uid");
        assert_eq!(compare(&settled, &[content("a", "2", "y")], &uids).changed.len(), 1);
        let unknown = compare(&settled, &[content("a", "2", "x")], &HashMap::new());
        assert_eq!(unknown.changed.len(), 1, "rather once too often than never");
    }

    #[test]
    fn what_a_policy_is_no_longer_attached_to_is_forgotten() {
        let settled = first(&[content("a", "1", "x"), content("b", "2", "x")]);
        let left = compare(&settled, &[content("b", "2", "x")], &HashMap::new());
        assert_eq!((left.secrets.len(), left.changed.len()), (1, 0));
    }
}
