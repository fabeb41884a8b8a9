//! Calls functions by name, and runs the tools that their results are held against.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;

use crate::funcs::{Failure, Random, Scope, function};
use crate::value::Value;

/// Numbers without a pattern, the same in every run.
pub(in crate::funcs) struct Counted(pub(in crate::funcs) u64);

impl Random for Counted {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = self.0.to_be_bytes()[0];
        }
    }
}

/// Calls the function at a fixed time, with plenty of everything.
pub(in crate::funcs) fn call(name: &str, arguments: &[Value]) -> Result<Value, Failure> {
    call_with(name, arguments, 1_000_000)
}

/// Calls the function with so many steps.
pub(in crate::funcs) fn call_with(name: &str, arguments: &[Value], steps: u64) -> Result<Value, Failure> {
    let mut random = Counted(7);
    // The tools look at the real time: a day in their past.
    let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let mut scope = Scope::new(now, &mut random, steps, 32 * 1024 * 1024);
    (function(name).unwrap().call)(&mut scope, arguments)
}

/// Calls the function with texts, and gives its text or the text of its failure.
pub(in crate::funcs) fn told(name: &str, arguments: &[&str]) -> Result<String, String> {
    told_bytes(name, &arguments.iter().map(|argument| argument.as_bytes()).collect::<Vec<_>>())
}

/// The same with bytes.
pub(in crate::funcs) fn told_bytes(name: &str, arguments: &[&[u8]]) -> Result<String, String> {
    let arguments: Vec<_> = arguments.iter().map(|argument| Value::text(*argument)).collect();
    match call(name, &arguments) {
        Ok(value) => Ok(plain(&value)),
        Err(Failure::Raised(reason)) => Err(reason),
        Err(other) => Err(format!("{other:?}")),
    }
}

/// The text that a value is.
pub(in crate::funcs) fn plain(value: &Value) -> String {
    let Value::Text(text) = value else { panic!("{value:?} is not a text") };
    String::from_utf8(text.to_vec()).unwrap()
}

/// The texts that a value is.
pub(in crate::funcs) fn plain_list(value: &Value) -> Vec<String> {
    let Value::List(list) = value else { panic!("{value:?} is not a list") };
    list.items.iter().map(plain).collect()
}

/// A field of an object.
pub(in crate::funcs) fn field(value: &Value, name: &str) -> String {
    let Value::Object(object) = value else { panic!("{value:?} is not an object") };
    plain(&object.field(name).unwrap())
}

/// A folder that goes away with this value.
pub(in crate::funcs) struct Folder(PathBuf);

impl Folder {
    pub(in crate::funcs) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("strongroom-crypto-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(in crate::funcs) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), bytes).unwrap();
    }

    pub(in crate::funcs) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    pub(in crate::funcs) fn read_text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// What a tool prints when it is run here with these words; `'…'` keeps blanks. Nothing if the machine lacks it.
    ///
    /// # Panics
    /// The tool fails.
    pub(in crate::funcs) fn run(&self, command: &str) -> Option<String> {
        let mut words = command.split('\'').enumerate().flat_map(|(place, part)| {
            if place % 2 == 1 { vec![part] } else { part.split_whitespace().collect() }
        });
        let tool = words.next().unwrap();
        let run = Command::new(tool).args(words).current_dir(&self.0).stdin(Stdio::null()).output();
        let output = match run {
            Ok(output) => output,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Not `print!`, which the harness would swallow: `cargo xtask test` counts these lines.
                let line = format!("\nSKIPPED: {tool} is not installed, needed for: {command}\n");
                std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes()).unwrap();
                return None;
            }
            Err(error) => panic!("{tool}: {error}"),
        };
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command}\n{text}");
        Some(text)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
