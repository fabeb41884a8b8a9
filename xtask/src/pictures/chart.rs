//! Lines over time, with the scale at the left and the legend below.

use std::fmt::Write as _;

use super::{Area, Panel, Series, escaped, legend, units};

/// Distinguishable also by those who do not see red and green apart.
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3c8d", "#666666"];
/// Steps of the scale.
const STEPS: u32 = 3;
const LEGEND: f64 = 15.0;
const LEGENDS: usize = 4;

/// A line through known points.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Draws the series of `panel` into `area`.
pub(super) fn lines(svg: &mut String, panel: &Panel, area: Area) {
    let lines: Vec<Line> = panel
        .answers
        .iter()
        .flat_map(|answer| answer.series.iter().map(|series| line(&answer.legend, series)))
        .collect();
    let shown = lines.len().min(LEGENDS);
    let room = LEGEND * f64::from(u32::try_from(shown.div_ceil(2)).unwrap_or_default());
    let plot = Area {
        left: area.left + 58.0,
        top: area.top + 28.0,
        width: area.width - 68.0,
        height: area.height - 38.0 - room,
    };
    let points = || lines.iter().flat_map(|line| &line.points);
    let most = points().map(|(_, value)| *value).fold(0.0, f64::max);
    let most = if most > 0.0 { most } else { 1.0 };
    let first = points().map(|(time, _)| *time).fold(f64::INFINITY, f64::min);
    let last = points().map(|(time, _)| *time).fold(f64::NEG_INFINITY, f64::max);
    scale(svg, plot, most, &panel.unit);
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let place = |(time, value): &(f64, f64)| {
            let left = plot.left + plot.width * (time - first) / (last - first).max(1.0);
            let top = plot.top + plot.height * (1.0 - value / most);
            format!("{left:.1},{top:.1}")
        };
        let points: Vec<String> = line.points.iter().map(place).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
            points.join(" ")
        );
    }
    legends(svg, area, &lines, room);
}

fn line(pattern: &str, series: &Series) -> Line {
    let points = series.values.iter().filter_map(|(time, value)| Some((*time, value.parse::<f64>().ok()?)));
    Line { name: legend(pattern, series), points: points.filter(|(_, value)| value.is_finite()).collect() }
}

fn scale(svg: &mut String, plot: Area, most: f64, unit: &str) {
    for step in 0..=STEPS {
        let share = f64::from(step) / f64::from(STEPS);
        let top = plot.top + plot.height * (1.0 - share);
        let _ = writeln!(
            svg,
            "<line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{top:.1}\" y2=\"{top:.1}\" stroke=\"#eee\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"9\" text-anchor=\"end\" fill=\"#777\">{}</text>",
            plot.left,
            plot.left + plot.width,
            plot.left - 4.0,
            top + 3.0,
            escaped(&units::shown(most * share, unit)),
        );
    }
}

/// Two in a row; what there is no room for is counted.
fn legends(svg: &mut String, area: Area, lines: &[Line], room: f64) {
    let begin = area.top + area.height - room;
    let mut place = (area.left + 10.0, begin + 8.0);
    for (number, (line, colour)) in lines.iter().zip(COLOURS).take(LEGENDS).enumerate() {
        let hidden = lines.len() - LEGENDS.min(lines.len());
        let more = if number + 1 == LEGENDS && hidden > 0 {
            format!(" … and {hidden} more")
        } else {
            String::new()
        };
        let _ = writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"10\" height=\"3\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"10\">{}</text>",
            place.0,
            place.1 - 5.0,
            place.0 + 14.0,
            place.1,
            escaped(&format!("{}{more}", line.name)),
        );
        place = if number % 2 == 0 {
            (place.0 + area.width / 2.0, place.1)
        } else {
            (area.left + 10.0, place.1 + LEGEND)
        };
    }
}
