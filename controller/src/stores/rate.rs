//! `rate`: how many calls a second a store may be asked for. The command line says what holds for all, an annotation what
//! holds for one. Pure.

use std::num::NonZeroU32;

use kube::api::ObjectMeta;

/// Calls a second; `0` for as many as there are.
const ANNOTATION: &str = "strongroom.dev/requests-per-second";
/// Nobody means more.
const HIGHEST: u32 = 10_000;

/// What holds for the store with this `meta`, and what is wrong with its annotation; what is wrong counts as absent.
pub(super) fn rate(meta: &ObjectMeta, default: Option<NonZeroU32>) -> (Option<NonZeroU32>, Option<String>) {
    let Some(text) = meta.annotations.as_ref().and_then(|map| map.get(ANNOTATION)) else {
        return (default, None);
    };
    match text.parse::<u32>() {
        Ok(rate) if rate <= HIGHEST => (NonZeroU32::new(rate), None),
        _ => (default, Some(format!("{ANNOTATION}: {text:?} is not a whole number from 0 to {HIGHEST}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, default: u32) -> (u32, Option<String>) {
        let annotations = [(ANNOTATION.to_owned(), text.to_owned())].into();
        let meta = ObjectMeta { annotations: Some(annotations), ..ObjectMeta::default() };
        let (rate, fault) = rate(&meta, NonZeroU32::new(default));
        (rate.map_or(0, NonZeroU32::get), fault)
    }

    #[test]
    fn a_store_says_it_for_itself_and_zero_is_none() {
        assert_eq!(rate(&ObjectMeta::default(), NonZeroU32::new(7)), (NonZeroU32::new(7), None));
        assert_eq!(of("20", 0), (20, None));
        assert_eq!(of("20", 7), (20, None));
        assert_eq!(of("0", 7), (0, None));
    }

    #[test]
    fn what_cannot_be_read_counts_as_absent_and_is_told() {
        for text in ["", "many", "-1", "0.5", "10001", "4294967296", " 5"] {
            let (rate, fault) = of(text, 7);
            assert_eq!(rate, 7, "{text:?}");
            assert!(fault.unwrap().starts_with(ANNOTATION), "{text:?}");
        }
    }
}
