//! The Grafana dashboards: what each panel shows is said in [`boards`], and this makes Grafana's JSON of it.

mod boards;

use anyhow::Result;
use serde_json::{Value, json};

use super::Files;

/// Columns of Grafana's grid.
const COLUMNS: usize = 24;
/// What every query selects by; `@` stands for it.
const SELECTION: &str = r#"job=~"$job", instance=~"$instance""#;
/// What queries about one object select by besides; `#` stands for both.
const OBJECT: &str = r#"job=~"$job", instance=~"$instance", namespace="$namespace", name="$name""#;

/// One dashboard.
struct Board {
    /// Name of the file and last part of the uid.
    name: &'static str,
    title: &'static str,
    about: &'static str,
    /// Whether it is about one object, which is chosen at the top.
    one_object: bool,
    rows: &'static [Row],
}

/// Panels under one heading.
struct Row {
    title: &'static str,
    panels: &'static [Panel],
}

/// One panel.
struct Panel {
    title: &'static str,
    about: &'static str,
    form: Form,
    /// One of Grafana's names of units.
    unit: &'static str,
    queries: &'static [Query],
}

/// How a panel shows its data.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One number; more than nothing is bad.
    Fault,
    /// One number.
    Number,
    /// Lines over time.
    Lines,
    /// One row for each series, as it is now, under these labels.
    Table,
}

/// One query of a panel and how its series are called.
struct Query {
    legend: &'static str,
    expression: &'static str,
}

const fn query(legend: &'static str, expression: &'static str) -> Query {
    Query { legend, expression }
}

/// All dashboards, by file name.
pub(super) fn dashboards() -> Result<Files> {
    let file = |board: &Board| {
        let text = serde_json::to_string_pretty(&dashboard(board))?;
        Ok((format!("strongroom-{}.json", board.name), text + "\n"))
    };
    boards::ALL.iter().map(file).collect()
}

fn dashboard(board: &Board) -> Value {
    let mut variables = vec![
        json!({ "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
            "hide": 0, "refresh": 1, "regex": "", "multi": false, "includeAll": false, "options": [] }),
        variable("job", "Job", "label_values(strongroom_build_info, job)", true),
        variable(
            "instance",
            "Instance",
            r#"label_values(strongroom_build_info{job=~"$job"}, instance)"#,
            true,
        ),
    ];
    if board.one_object {
        let namespaces = format!("label_values(externalsecret_sync_calls_total{{{SELECTION}}}, namespace)");
        variables.push(variable("namespace", "Namespace", &namespaces, false));
        let names = format!(
            "label_values(externalsecret_sync_calls_total{{{SELECTION}, namespace=\"$namespace\"}}, name)"
        );
        variables.push(variable("name", "ExternalSecret", &names, false));
    }
    json!({
        "uid": format!("strongroom-{}", board.name),
        "title": format!("Strongroom / {}", board.title),
        "description": board.about,
        "tags": ["strongroom", "external-secrets"],
        "editable": false,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "refresh": "30s",
        "time": { "from": "now-1h", "to": "now" },
        "timezone": "",
        "links": [{ "type": "dashboards", "tags": ["strongroom"], "title": "Strongroom", "asDropdown": true,
            "includeVars": true, "keepTime": true }],
        "templating": { "list": variables },
        "annotations": { "list": [] },
        "panels": panels(board.rows),
    })
}

fn variable(name: &str, label: &str, query: &str, multi: bool) -> Value {
    let mut variable = json!({
        "name": name, "label": label, "type": "query", "hide": 0, "refresh": 2, "sort": 1, "regex": "",
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "definition": query,
        "query": { "query": query, "refId": name },
        "multi": multi, "includeAll": multi, "options": [],
    });
    if multi && let Some(fields) = variable.as_object_mut() {
        fields.insert("allValue".to_owned(), ".+".into());
        fields.insert("current".to_owned(), json!({ "text": ["All"], "value": ["$__all"] }));
    }
    variable
}

/// The panels from left to right and from top to bottom.
fn panels(rows: &[Row]) -> Vec<Value> {
    let (mut all, mut top) = (Vec::new(), 0);
    for row in rows {
        all.push(
            json!({ "id": all.len() + 1, "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": { "h": 1, "w": COLUMNS, "x": 0, "y": top } }),
        );
        top += 1;
        let (mut left, mut tallest) = (0, 0);
        for panel in row.panels {
            let (width, height) = panel.form.size();
            if left + width > COLUMNS {
                (left, top, tallest) = (0, top + tallest, 0);
            }
            all.push(shown(panel, all.len() + 1, (left, top)));
            (left, tallest) = (left + width, tallest.max(height));
        }
        top += tallest;
    }
    all
}

fn shown(panel: &Panel, id: usize, (left, top): (usize, usize)) -> Value {
    let (width, height) = panel.form.size();
    let source = json!({ "type": "prometheus", "uid": "${datasource}" });
    let letters = ["A", "B", "C", "D"];
    let targets: Vec<Value> = panel
        .queries
        .iter()
        .zip(letters)
        .map(|(query, letter)| {
            let expression = query.expression.replace('@', SELECTION).replace('#', OBJECT);
            let now = panel.form != Form::Lines;
            json!({ "refId": letter, "datasource": source, "expr": expression, "legendFormat": query.legend,
                "instant": now, "range": !now, "format": if panel.form == Form::Table { "table" } else { "time_series" } })
        })
        .collect();
    let mut shown = json!({
        "id": id, "type": panel.form.name(), "title": panel.title, "description": panel.about,
        "datasource": source,
        "gridPos": { "h": height, "w": width, "x": left, "y": top },
        "fieldConfig": { "defaults": { "unit": panel.unit, "thresholds": panel.form.thresholds() }, "overrides": [] },
        "options": panel.form.options(),
        "targets": targets,
    });
    if panel.form == Form::Table
        && let Some(fields) = shown.as_object_mut()
    {
        let hidden = json!({ "Time": true, "__name__": true, "job": true, "instance": true, "endpoint": true, "pod": true,
            "service": true, "container": true, "condition": true, "status": true });
        let arranged = json!([{ "id": "organize", "options": { "excludeByName": hidden } }]);
        fields.insert("transformations".to_owned(), arranged);
    }
    shown
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Fault | Self::Number => "stat",
            Self::Lines => "timeseries",
            Self::Table => "table",
        }
    }

    /// Width and height in cells of the grid.
    fn size(self) -> (usize, usize) {
        match self {
            Self::Fault | Self::Number => (4, 4),
            Self::Lines => (8, 8),
            Self::Table => (12, 9),
        }
    }

    fn thresholds(self) -> Value {
        let steps = match self {
            Self::Fault => json!([{ "color": "green", "value": null }, { "color": "red", "value": 1 }]),
            Self::Number | Self::Lines | Self::Table => json!([{ "color": "green", "value": null }]),
        };
        json!({ "mode": "absolute", "steps": steps })
    }

    fn options(self) -> Value {
        match self {
            Self::Fault | Self::Number => {
                json!({ "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
                "colorMode": "value", "graphMode": "none", "textMode": "auto" })
            }
            Self::Lines => json!({ "legend": { "displayMode": "list", "placement": "bottom" },
                "tooltip": { "mode": "multi", "sort": "desc" } }),
            Self::Table => json!({ "showHeader": true }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_panel_has_what_grafanas_linter_asks_for() {
        for (name, text) in dashboards().unwrap() {
            let board: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(board["editable"], false, "{name}");
            let mut places = BTreeSet::new();
            for panel in board["panels"].as_array().unwrap() {
                let title = panel["title"].as_str().unwrap();
                let place = &panel["gridPos"];
                assert!(
                    places.insert((place["y"].as_u64(), place["x"].as_u64())),
                    "{name}: {title} lies over another"
                );
                assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{name}: {title}");
                if panel["type"] == "row" {
                    continue;
                }
                assert!(!panel["description"].as_str().unwrap().is_empty(), "{name}: {title}");
                assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {title}");
                let targets = panel["targets"].as_array().unwrap();
                assert!(!targets.is_empty(), "{name}: {title}");
                for target in targets {
                    let expression = target["expr"].as_str().unwrap();
                    assert!(
                        expression.contains(SELECTION) && !expression.contains(['@', '#']),
                        "{expression}"
                    );
                    let rates = expression.matches("rate(").count();
                    assert_eq!(rates, expression.matches("[$__rate_interval]").count(), "{expression}");
                }
            }
        }
    }

    #[test]
    fn every_metric_of_ours_is_on_a_dashboard() {
        let shown: String = dashboards().unwrap().into_values().collect();
        let page = std::fs::read_to_string(crate::workspace::reference().join("metrics.md")).unwrap();
        let names = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let missing: Vec<_> = names
            .filter(|name| {
                name.starts_with("strongroom_") && !shown.contains(name.trim_end_matches("_bucket"))
            })
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
