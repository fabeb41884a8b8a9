//! The generated pages of the documentation, from what `strongroom describe` prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{Files, book, kinds};

/// First line of every page.
const GENERATED: &str = "<!-- Written by `cargo xtask generate` from the code. -->\n\n";

/// All pages, by file name.
pub(super) fn pages(described: &Value, providers: &Path) -> Result<Files> {
    let mut pages = kinds::pages(described)?;
    pages.insert("flags.md".to_owned(), flags(described)?);
    pages.insert("metrics.md".to_owned(), metrics(text(described, "metrics")?)?);
    pages.insert("providers.md".to_owned(), book::outcomes(providers)?);
    Ok(pages.into_iter().map(|(name, page)| (name, format!("{GENERATED}{page}"))).collect())
}

/// A text in a JSON object.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> Result<&'v str> {
    value.get(key).and_then(Value::as_str).with_context(|| format!("no `{key}` in what was described"))
}

/// A text as it stands in a cell of a table, without its full stop.
pub(super) fn cell(text: &str) -> String {
    text.trim().trim_end_matches('.').replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

/// Words as code, separated by commas.
pub(super) fn codes<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn flags(described: &Value) -> Result<String> {
    let flags = described.get("flags").and_then(Value::as_array).context("no flags")?;
    let mut page =
        "# Flags\n\nThe flags of `strongroom controller`. A flag that is on or off can be given without a \
                    value (`--NAME`, on) or with one (`--NAME=false`).\n\n\
                    | flag | default | values | meaning |\n| --- | --- | --- | --- |\n"
            .to_owned();
    for flag in flags {
        let default = match text(flag, "default")? {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let values = flag.get("values").and_then(Value::as_array).into_iter().flatten();
        let values = codes(values.filter_map(Value::as_str));
        let meaning = text(flag, "meaning").with_context(|| format!("{flag} has no text"))?;
        let name = text(flag, "name")?;
        let _ = writeln!(page, "| `--{name}` | {default} | {values} | {} |", cell(meaning));
    }
    Ok(page)
}

/// What is known of one metric.
#[derive(Debug, Default)]
struct Metric {
    kind: String,
    help: String,
    /// Names as they stand before the labels of a sample.
    samples: BTreeSet<String>,
    labels: BTreeSet<String>,
}

fn metrics(scrape: &str) -> Result<String> {
    let mut page =
        "# Metrics\n\nServed at `/metrics` on `--metrics-addr`, in the text format of OpenMetrics. A metric \
                    with labels is there as soon as there is something to count.\n\n\
                    | metric | type | labels | meaning |\n| --- | --- | --- | --- |\n"
            .to_owned();
    for (family, metric) in families(scrape)? {
        if metric.samples.is_empty() || metric.help.is_empty() {
            bail!("the metric {family} has no sample, or no text");
        }
        let names = codes(metric.samples.iter().map(String::as_str));
        let labels = codes(metric.labels.iter().map(String::as_str));
        let _ = writeln!(page, "| {names} | {} | {labels} | {} |", metric.kind, cell(&metric.help));
    }
    Ok(page)
}

/// The metrics of a scrape by the name in their comments.
fn families(scrape: &str) -> Result<BTreeMap<String, Metric>> {
    let mut families: BTreeMap<String, Metric> = BTreeMap::new();
    for line in scrape.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            help.clone_into(&mut families.entry(name.to_owned()).or_default().help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            kind.clone_into(&mut families.entry(name.to_owned()).or_default().kind);
        } else if !line.starts_with('#') && !line.is_empty() {
            let (name, labels) = sample(line).with_context(|| format!("`{line}` is not a sample"))?;
            let endings = ["_total", "_info", "_bucket", "_sum", "_count"];
            let suffixed = || endings.iter().find_map(|suffix| name.strip_suffix(suffix));
            let family = if families.contains_key(name) { Some(name) } else { suffixed() };
            let metric = family.and_then(|family| families.get_mut(family));
            let metric = metric.with_context(|| format!("the sample {name} has no type"))?;
            metric.samples.insert(name.to_owned());
            metric.labels.extend(labels);
        }
    }
    Ok(families)
}

/// Name and label names of a sample: `name{label="value",…} 1`.
fn sample(line: &str) -> Option<(&str, Vec<String>)> {
    let (name, rest) = line.split_at(line.find(['{', ' '])?);
    let labels =
        rest.strip_prefix('{').and_then(|rest| rest.rsplit_once('}')).map_or("", |(labels, _)| labels);
    let labels =
        labels.split(',').filter_map(|label| label.split_once('=')).map(|(label, _)| label.to_owned());
    Some((name, labels.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAPE: &str = "# HELP calls Calls | of things.\n# TYPE calls counter\ncalls_total{b=\"\",a=\"x\"} 1\n\
                          # HELP held Held.\n# TYPE held gauge\nheld 0\n# EOF\n";

    #[test]
    fn a_metric_is_shown_under_the_name_of_its_samples_with_labels_and_meaning() {
        let page = metrics(SCRAPE).unwrap();
        assert!(page.contains("| `calls_total` | counter | `a`, `b` | Calls \\| of things |\n"), "{page}");
        assert!(page.contains("| `held` | gauge |  | Held |\n"), "{page}");
    }

    #[test]
    fn a_metric_without_a_sample_or_a_text_is_an_error() {
        assert!(metrics("# HELP held Held.\n# TYPE held gauge\n").is_err());
        assert!(metrics("# TYPE held gauge\nheld 0\n").is_err());
        assert!(metrics("held 0\n").is_err());
    }

    #[test]
    fn a_flag_without_a_text_is_an_error() {
        let flags = |meaning: Value| {
            let flag =
                serde_json::json!({ "name": "a-b", "default": "1", "values": ["1"], "meaning": meaning });
            super::flags(&serde_json::json!({ "flags": [flag] }))
        };
        assert!(flags("What it does.".into()).unwrap().contains("| `--a-b` | `1` | `1` | What it does |\n"));
        assert!(flags(Value::Null).is_err());
    }
}
