//! `cargo xtask sizes`: measures how large the released binary is with no provider, with each alone and with all, and writes that down.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::{features, process, progress, workspace};

/// The page, beside the generated ones.
pub(crate) const PAGE: &str = "sizes.md";
/// Each provider is a feature of this crate.
const CATALOG: &str = "strongroom-provider-catalog";
const MIB: f64 = 1024.0 * 1024.0;

/// What a binary is built with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Chosen {
    /// What the others are compared with.
    Nothing,
    One(String),
    All,
}

/// A binary and its size in bytes.
#[derive(Clone, Debug)]
struct Measured {
    chosen: Chosen,
    bytes: u64,
}

/// Builds and measures everything, which takes some minutes for each provider, and writes the page.
pub(crate) fn run() -> Result<ExitCode> {
    let one = features::providers()?.into_iter().map(Chosen::One);
    let chosen: Vec<_> = [Chosen::Nothing].into_iter().chain(one).chain([Chosen::All]).collect();
    let count = chosen.len();
    let mut sizes = Vec::new();
    for (index, chosen) in chosen.into_iter().enumerate() {
        let bytes = built(&chosen, &format!("{} of {count}", index + 1))?;
        progress::line(&format!("  {:.2} MiB", mib(bytes)));
        sizes.push(Measured { chosen, bytes });
    }
    let file = workspace::reference().join(PAGE);
    fs::write(&file, page(&sizes, &origin()?)?)?;
    let summary = workspace::root().join("docs/SUMMARY.md");
    fs::write(&summary, listed(&fs::read_to_string(&summary)?)?)?;
    progress::line(&format!("written to {}", file.display()));
    Ok(ExitCode::SUCCESS)
}

/// Builds the binary in a folder of its own, so that nothing else is built anew because of it; gives its size.
fn built(chosen: &Chosen, turn: &str) -> Result<u64> {
    let target = workspace::target()?.join("sizes");
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--locked", "--quiet", "--package", "strongroom-controller"]);
    cargo.args(["--bin", "strongroom", "--target-dir"]).arg(&target);
    let label = match chosen {
        Chosen::All => "all providers".to_owned(),
        Chosen::Nothing => {
            cargo.arg("--no-default-features");
            "no provider".to_owned()
        }
        Chosen::One(name) => {
            cargo.args(["--no-default-features", "--features", &format!("{CATALOG}/{name}")]);
            format!("{name} alone")
        }
    };
    let mut step = progress::Step::start(format!("Building the controller (release) with {label}, {turn}"));
    if !process::run_to_end(&mut cargo, || step.tick())?.success() {
        bail!("the controller does not build with {label}");
    }
    step.done();
    size(&target.join("release/strongroom"))
}

fn size(binary: &Path) -> Result<u64> {
    Ok(fs::metadata(binary).with_context(|| format!("{} is not there", binary.display()))?.len())
}

/// Which compiler made what was measured, for which machine, of which commit.
fn origin() -> Result<String> {
    let printed = |program: &str, arguments: &[&str]| -> Result<String> {
        let output = Command::new(program).args(arguments).current_dir(workspace::root()).output()?;
        if !output.status.success() {
            bail!("`{program} {}` failed", arguments.join(" "));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let rustc = printed("rustc", &["--version", "--verbose"])?;
    let field = |name: &str| rustc.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?");
    let commit = printed("git", &["rev-parse", "--short", "HEAD"])?;
    let edited = printed("git", &["status", "--porcelain", "--untracked-files=no"])?;
    let suffix = if edited.is_empty() { "" } else { ", with changes" };
    Ok(format!("rustc {} for {}, commit {commit}{suffix}", field("release: "), field("host: ")))
}

/// The page: the binary without providers first, then the others by size, all of them last.
fn page(sizes: &[Measured], origin: &str) -> Result<String> {
    let base = sizes.iter().find(|size| size.chosen == Chosen::Nothing);
    let base = base.context("the binary without providers was not measured")?.bytes;
    let mut rows: Vec<_> = sizes.iter().collect();
    rows.sort_by_key(|size| (size.chosen == Chosen::All, size.bytes));
    let mut page = format!(
        "<!-- Measured by `cargo xtask sizes`. -->\n\n# Sizes\n\nHow large the controller's binary is, optimised and stripped as \
         it is released, with no provider, with one, and with all of them, which is what is built unless something else is \
         asked for. Providers share code, so together they take less than one by one. How to build with one of them only: \
         `cargo build --release --package strongroom-controller --no-default-features --features {CATALOG}/NAME`.\n\n\
         Measured with {origin}.\n\n| built in | MiB | more than with none |\n| --- | ---: | ---: |\n"
    );
    for Measured { chosen, bytes } in rows {
        let name = match chosen {
            Chosen::Nothing => "none".to_owned(),
            Chosen::One(name) => format!("`{name}`"),
            Chosen::All => "all".to_owned(),
        };
        let _ = writeln!(page, "| {name} | {:.2} | {:.2} |", mib(*bytes), mib(*bytes) - mib(base));
    }
    Ok(page)
}

#[expect(clippy::cast_precision_loss, reason = "a binary has fewer than 2^52 bytes")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

/// The book's summary with a line for the page.
fn listed(summary: &str) -> Result<String> {
    let link = format!("(reference/{PAGE})");
    if summary.contains(&link) {
        return Ok(summary.to_owned());
    }
    let before = "- [Performance](performance.md)\n";
    let at =
        summary.find(before).context("docs/SUMMARY.md does not list the page on performance")? + before.len();
    let (start, end) = summary.split_at(at);
    Ok(format!("{start}  - [Sizes]{link}\n{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &str, bytes: u64) -> Measured {
        Measured { chosen: Chosen::One(name.to_owned()), bytes }
    }

    #[test]
    fn the_binary_without_providers_comes_first_then_the_others_by_size_and_all_at_the_end() {
        let sizes = [
            measured("vault", 21 << 20),
            measured("aws", (20 << 20) + (1 << 19)),
            Measured { chosen: Chosen::All, bytes: 22 << 20 },
            Measured { chosen: Chosen::Nothing, bytes: 20 << 20 },
        ];
        let page = page(&sizes, "rustc 1.95.0").unwrap();
        let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
        let wanted = [
            "| none | 20.00 | 0.00 |",
            "| `aws` | 20.50 | 0.50 |",
            "| `vault` | 21.00 | 1.00 |",
            "| all | 22.00 | 2.00 |",
        ];
        assert_eq!(rows, wanted);
        assert!(page.contains("Measured with rustc 1.95.0."), "{page}");
    }

    #[test]
    fn without_anything_to_compare_with_there_is_no_page() {
        assert!(page(&[measured("vault", 1)], "").is_err());
    }

    #[test]
    fn the_page_is_listed_once() {
        let summary = fs::read_to_string(workspace::root().join("docs/SUMMARY.md")).unwrap();
        let once = listed(&summary).unwrap();
        assert_eq!(once.matches("(reference/sizes.md)").count(), 1, "{once}");
        assert_eq!(listed(&once).unwrap(), once);
    }
}
