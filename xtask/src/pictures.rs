//! Draws the dashboards as SVG files under docs/pictures, from what Prometheus answered to their own queries.

mod chart;
mod units;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{progress, workspace};

/// Width and height of a cell of Grafana's grid, in pixels.
const CELL: (f64, f64) = (50.0, 28.0);
/// Room above the panels for the title.
const TOP: f64 = 44.0;
const MARGIN: f64 = 8.0;

/// A dashboard with the answers to its queries, as the story `monitoring` writes it.
#[derive(Debug, Deserialize)]
struct Board {
    name: String,
    title: String,
    panels: Vec<Panel>,
}

/// A panel with the answers to its queries.
#[derive(Debug, Deserialize)]
struct Panel {
    title: String,
    #[serde(rename = "type")]
    form: String,
    unit: String,
    place: Place,
    answers: Vec<Answer>,
}

/// Where a panel stands, in cells.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Place {
    x: u32,
    y: u32,
    w: u32,
    h: u32,
}

/// The answer to one query.
#[derive(Debug, Deserialize)]
struct Answer {
    legend: String,
    series: Vec<Series>,
}

/// One series: labels and either one value or several, each with its time.
#[derive(Debug, Deserialize)]
struct Series {
    metric: Map<String, Value>,
    value: Option<(f64, String)>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// Draws every dashboard in the file `answers`.
pub(crate) fn draw(answers: &Path) -> Result<()> {
    let text = fs::read_to_string(answers).with_context(|| format!("cannot read {}", answers.display()))?;
    let boards: Vec<Board> = serde_json::from_str(&text).context("these are no answers to dashboards")?;
    let folder = workspace::root().join("docs/pictures");
    fs::create_dir_all(&folder)?;
    for board in boards {
        let file = folder.join(format!("{}.svg", board.name));
        fs::write(&file, picture(&board))?;
        progress::line(&format!("{}: {} panels", file.display(), board.panels.len()));
    }
    Ok(())
}

fn picture(board: &Board) -> String {
    let rows = board.panels.iter().map(|panel| panel.place.y + panel.place.h).max().unwrap_or_default();
    let (width, height) = (CELL.0 * 24.0 + 2.0 * MARGIN, f64::from(rows) * CELL.1 + TOP + MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\" fill=\"#333\">\n<title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#f4f5f5\"/>\n\
         <text x=\"{MARGIN}\" y=\"28\" font-size=\"18\" font-weight=\"bold\">{title}</text>\n",
        title = escaped(&board.title),
    );
    for panel in &board.panels {
        panel_into(&mut svg, panel);
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel_into(svg: &mut String, panel: &Panel) {
    let Place { x, y, w, h } = panel.place;
    let area = Area {
        left: f64::from(x) * CELL.0 + MARGIN,
        top: f64::from(y) * CELL.1 + TOP,
        width: f64::from(w) * CELL.0 - 6.0,
        height: f64::from(h) * CELL.1 - 6.0,
    };
    let Area { left, top, width, height } = area;
    let _ = writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"3\" fill=\"#fff\" stroke=\"#ddd\"/>\n\
         <text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>",
        left + 8.0,
        top + 17.0,
        escaped(&panel.title),
    );
    match panel.form.as_str() {
        "timeseries" => chart::lines(svg, panel, area),
        "stat" => number(svg, panel, area),
        _ => table(svg, panel, area),
    }
}

fn number(svg: &mut String, panel: &Panel, area: Area) {
    let value =
        panel.answers.iter().flat_map(|answer| &answer.series).find_map(|series| series.value.as_ref());
    let text = value.map_or_else(
        || "–".to_owned(),
        |(_, value)| units::shown(value.parse().unwrap_or(f64::NAN), &panel.unit),
    );
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" font-size=\"26\" text-anchor=\"middle\">{}</text>",
        area.left + area.width / 2.0,
        area.top + area.height / 2.0 + 20.0,
        escaped(&text),
    );
}

/// As many series as there is room for, each with the labels that tell them apart.
fn table(svg: &mut String, panel: &Panel, area: Area) {
    const HIDDEN: [&str; 5] = ["__name__", "instance", "job", "condition", "status"];
    let mut top = area.top + 36.0;
    for series in panel.answers.iter().flat_map(|answer| &answer.series) {
        if top > area.top + area.height - 6.0 {
            break;
        }
        let labels = series.metric.iter().filter(|(name, _)| !HIDDEN.contains(&name.as_str()));
        let labels: Vec<_> =
            labels.filter_map(|(_, value)| value.as_str().filter(|text| !text.is_empty())).collect();
        let value = series.value.as_ref().and_then(|(_, value)| value.parse().ok()).unwrap_or(f64::NAN);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{top}\">{}</text><text x=\"{}\" y=\"{top}\" text-anchor=\"end\">{}</text>",
            area.left + 8.0,
            escaped(&labels.join("  ")),
            area.left + area.width - 8.0,
            escaped(&units::shown(value, &panel.unit)),
        );
        top += 17.0;
    }
}

/// The legend of a series: `{{label}}` becomes the label's value.
fn legend(pattern: &str, series: &Series) -> String {
    series.metric.iter().fold(pattern.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{{{name}}}}}"), value.as_str().unwrap_or_default())
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_shows_titles_numbers_and_lines_and_is_escaped() {
        let board = serde_json::json!({ "name": "b", "title": "A <board>", "panels": [
            { "title": "One", "type": "stat", "unit": "short", "place": { "x": 0, "y": 0, "w": 4, "h": 4 },
              "answers": [{ "legend": "", "series": [{ "metric": {}, "value": [1.0, "7"] }] }] },
            { "title": "Two", "type": "timeseries", "unit": "s", "place": { "x": 4, "y": 0, "w": 8, "h": 8 },
              "answers": [{ "legend": "{{kind}} x", "series": [
                  { "metric": { "kind": "read" }, "values": [[1.0, "0.5"], [2.0, "1"]] }] }] },
            { "title": "Three", "type": "table", "unit": "bytes", "place": { "x": 0, "y": 8, "w": 12, "h": 4 },
              "answers": [{ "legend": "", "series": [{ "metric": { "name": "app" }, "value": [1.0, "2048"] }] }] },
        ] });
        let svg = picture(&serde_json::from_value(board).unwrap());
        for part in ["A &lt;board&gt;", ">One<", ">7<", "read x", "<polyline", ">app<", ">2.0 KiB<"] {
            assert!(svg.contains(part), "{part} is not in\n{svg}");
        }
    }
}
