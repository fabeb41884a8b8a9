//! Writes the first inputs and the dictionary of a target to a folder: `seeds TARGET FOLDER DICTIONARY`.

#![expect(clippy::expect_used, reason = "a development tool")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use strongroom_templating_fuzz::{dictionary, seeds};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, folder, words] = arguments.as_slice() else { return };
    fs::create_dir_all(folder).expect("a folder");
    for (number, seed) in seeds(target).iter().enumerate() {
        fs::write(Path::new(folder).join(format!("seed-{number:05}")), seed).expect("a seed");
    }
    // An empty file is an error to libFuzzer.
    let mut text = "# words\n".to_owned();
    for word in dictionary(target) {
        let escaped = word.iter().fold(String::new(), |mut escaped, byte| {
            write!(escaped, "\\x{byte:02x}").expect("text");
            escaped
        });
        writeln!(text, "\"{escaped}\"").expect("text");
    }
    fs::write(words, text).expect("a dictionary");
}
