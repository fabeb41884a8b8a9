//! Compares the gjson port with what gjson 1.18 itself makes of the corpus's paths, and tries to break it.

#![expect(clippy::panic, reason = "test support outside test functions")]

use serde_json::Value;
use strongroom_templating::transform::gjson::{self, GjsonError};

#[test]
fn every_path_leads_where_it_does_in_go() {
    let (mut cases, mut document, mut differences) = (0, String::new(), Vec::new());
    for line in include_str!("oracle/gjson.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if let Some(json) = case["json"].as_str() {
            json.clone_into(&mut document);
            continue;
        }
        cases += 1;
        let found = gjson::get(document.as_bytes(), case["path"].as_str().unwrap()).unwrap();
        let text = String::from_utf8(found.text()).unwrap();
        if found.exists() != case["exists"] || text != case["text"] {
            differences.push(format!("{document}\n  {case}\n  found exists={} {text:?}", found.exists()));
        }
    }
    assert!(cases >= 1_000, "{cases} cases");
    assert!(differences.is_empty(), "{} of {cases}:\n{}", differences.len(), differences.join("\n"));
}

/// Runs `work` on a stack as small as a thread of the runtime may have left.
fn on_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(work);
    thread
        .ok()
        .and_then(|thread| thread.join().ok())
        .unwrap_or_else(|| panic!("no thread, or one that panicked"))
}

#[test]
fn nesting_without_end_is_refused_and_does_not_overflow_the_stack() {
    let hostile: Vec<(String, String)> = vec![
        ("[".repeat(200_000), "0.".repeat(8_000)),
        (format!("{}1{}", "[".repeat(9_000), "]".repeat(9_000)), "0.".repeat(8_000)),
        (r#"{"a":"#.repeat(50_000), "a.".repeat(8_000)),
        (r#"{"a":1}"#.to_owned(), "[".repeat(16_000)),
        (r#"{"a":1}"#.to_owned(), format!("{}a{}", "[".repeat(8_000), "]".repeat(8_000))),
        ("[[1]]".to_owned(), format!("{}1{}", "#(".repeat(5_000), ")".repeat(5_000))),
        (r#"{"a":1}"#.to_owned(), "@this|".repeat(2_600)),
        (format!("{}1{}", "[".repeat(9_000), "]".repeat(9_000)), "@flatten:{\"deep\":true}".to_owned()),
        (format!("{}1{}", "[".repeat(9_000), "]".repeat(9_000)), "@pretty".to_owned()),
        (format!("{}1{}", "[".repeat(9_000), "]".repeat(9_000)), "@dig:a".to_owned()),
        (r#"{"a":1}"#.to_owned(), "@dig:".repeat(3_000)),
    ];
    for (document, path) in hostile {
        let shown: String = path.chars().take(20).collect();
        let outcome =
            on_small_stack(move || gjson::get(document.as_bytes(), &path).map(|found| found.exists()));
        assert!(matches!(outcome, Err(GjsonError::TooDeep) | Ok(false)), "{shown}: {outcome:?}");
    }
}

#[test]
fn the_deepest_allowed_nesting_fits_a_small_stack() {
    let depth = 200;
    let document = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    for path in [
        "0.".repeat(depth - 1) + "0",
        "@flatten:{\"deep\":true}|0".to_owned(),
        "@ugly|@pretty|@ugly".to_owned(),
    ] {
        let document = document.clone();
        let found =
            on_small_stack(move || gjson::get(document.as_bytes(), &path).map(|found| found.exists()));
        assert_eq!(found, Ok(true));
    }
}

#[test]
fn a_path_that_multiplies_the_document_is_given_up() {
    let document = format!(r#"{{"a":"{}"}}"#, "x".repeat(1_000));
    let doubling = ["[@this,@this]"; 60].join("|");
    assert_eq!(gjson::get(document.as_bytes(), &doubling), Err(GjsonError::TooLarge));
    let nested = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let digging = "@dig:".repeat(8) + "@this";
    assert_eq!(gjson::get(nested.as_bytes(), &digging), Err(GjsonError::TooLarge));
    let stars = format!(r#"{{"{}":1}}"#, "a".repeat(500_000));
    assert_eq!(gjson::get(stars.as_bytes(), &("*a".repeat(8_000) + "b")), Err(GjsonError::TooLarge));
    assert_eq!(gjson::get(b"{}", &"a".repeat(20_000)), Err(GjsonError::TooLong));
}

#[test]
fn no_input_panics() {
    let pieces = [
        "{", "}", "[", "]", "(", ")", "\"", "\\", ",", ":", ".", "|", "#", "@", "!", "*", "?", "~", "=", "<",
        "%", "a", "0", "-", "n", "true", "null", " ", "@dig:", "@flatten", "@pretty:", "#(", "..", "\\u12",
        "é", "\u{0}",
    ];
    let mut state = 1_u64;
    let mut random = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for _ in 0..20_000 {
        let mut text = |length: usize| (0..length).map(|_| pieces[random(pieces.len())]).collect::<String>();
        let (document, path) = (text(12), text(8));
        let _ = gjson::get(document.as_bytes(), &path).map(|found| found.text());
        let bytes: Vec<u8> = document.bytes().map(|byte| byte ^ 0x80).collect();
        let _ = gjson::get(&bytes, &path).map(|found| found.text());
    }
}

#[test]
fn debug_shows_the_length_only() {
    let found = gjson::get(br#"{"a":"canary"}"#, "a").unwrap();
    assert_eq!(format!("{found:?}"), "Value(String, 8 bytes)");
}
