//! What came of each case, written down beside the tests: the documentation's table is made of it, and a test whose outcome
//! is another one fails.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Set, it lets every case write its outcome down instead of comparing it.
const RECORD: &str = "STRONGROOM_RECORD_CONFORMANCE";

/// Tests of one process write one after the other.
static WRITING: Mutex<()> = Mutex::new(());

/// How a case ended, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// As it should.
    Passed,
    /// It does not apply, for this reason.
    NotApplicable(String),
    /// As the fixture has declared, for this reason.
    Deviation(String),
}

/// The file of one suite: `tests/outcomes/NAME.tsv` beside the test.
#[derive(Clone, Debug)]
pub struct Record {
    file: PathBuf,
    /// The cases in their order; others are no longer there.
    cases: Vec<&'static str>,
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed\t"),
            Self::NotApplicable(reason) => write!(f, "not applicable\t{reason}"),
            Self::Deviation(reason) => write!(f, "deviation\t{reason}"),
        }
    }
}

impl Record {
    /// The record of the suite in `module` of the crate in `folder`; `cases` are all there are.
    pub fn of(folder: &str, module: &str, cases: impl IntoIterator<Item = &'static str>) -> Self {
        let name = module.split_once("::").map_or("all", |(_, name)| name).replace("::", "-");
        let file = PathBuf::from(folder).join("tests/outcomes").join(format!("{name}.tsv"));
        Self { file, cases: cases.into_iter().collect() }
    }

    /// Compares `outcome` of `case` with what is written down, or writes it down.
    ///
    /// # Panics
    /// If it is another one.
    #[expect(clippy::expect_used, reason = "this is how a test fails")]
    pub(crate) fn check(&self, case: &str, outcome: &Recorded) {
        let _turn = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.known();
        let outcome = outcome.to_string();
        if std::env::var_os(RECORD).is_some() {
            known.insert(case.to_owned(), outcome);
            let lines = self.cases.iter().filter_map(|case| Some(format!("{case}\t{}\n", known.get(*case)?)));
            let text: String = lines.collect();
            fs::create_dir_all(self.file.parent().expect("a folder")).expect("the folder can be made");
            fs::write(&self.file, text).expect("the record can be written");
            return;
        }
        let written = known.get(case).map_or("nothing", String::as_str);
        assert!(
            written == outcome,
            "{case}: the outcome is {outcome:?}, and {} says {written:?}: run the suite with {RECORD}=1, then `cargo \
             xtask generate`",
            self.file.display()
        );
    }

    fn known(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once('\t'));
        lines.map(|(case, outcome)| (case.to_owned(), outcome.to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_outcome_than_the_one_that_is_written_down_fails() {
        let folder = std::env::temp_dir().join(format!("strongroom-record-{}", std::process::id()));
        fs::create_dir_all(folder.join("tests/outcomes")).unwrap();
        let record = Record::of(folder.to_str().unwrap(), "conformance::a::b", ["one", "two"]);
        assert!(record.file.ends_with("tests/outcomes/a-b.tsv"));
        assert!(Record::of("x", "conformance", []).file.ends_with("tests/outcomes/all.tsv"));
        fs::write(&record.file, "one\tpassed\t\ntwo\tdeviation\twhy\n").unwrap();
        record.check("one", &Recorded::Passed);
        record.check("two", &Recorded::Deviation("why".to_owned()));
        for (case, outcome) in [
            ("one", Recorded::NotApplicable("why".to_owned())),
            ("two", Recorded::Deviation("because".to_owned())),
            ("three", Recorded::Passed),
        ] {
            let record = record.clone();
            let failed = std::panic::catch_unwind(move || record.check(case, &outcome));
            assert!(failed.is_err(), "{case}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
