//! Numbers as people read them, in Grafana's units.

/// `value` in `unit`.
pub(super) fn shown(value: f64, unit: &str) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    match unit {
        "s" => time(value),
        "ns" => time(value / 1e9),
        "bytes" => scaled(value, 1024.0, &[" B", " KiB", " MiB", " GiB"]),
        "ops" | "reqps" => format!("{}/s", plain(value)),
        "bool" => if value > 0.0 { "yes" } else { "no" }.to_owned(),
        _ => plain(value),
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        0.0 => "0 s".to_owned(),
        small if small < 0.001 => format!("{:.0} µs", small * 1e6),
        small if small < 1.0 => format!("{:.1} ms", small * 1e3),
        some if some < 120.0 => format!("{some:.1} s"),
        many => format!("{:.1} min", many / 60.0),
    }
}

fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value < 1e4 {
        format!("{value:.0}")
    } else if value < 1e3 {
        format!("{value:.2}")
    } else {
        scaled(value, 1000.0, &["", "k", "M", "G"])
    }
}

fn scaled(mut value: f64, base: f64, names: &[&str]) -> String {
    let mut names = names.iter().peekable();
    while let Some(name) = names.next() {
        if value < base || names.peek().is_none() {
            return format!("{value:.1}{name}");
        }
        value /= base;
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_have_their_unit() {
        let table = [
            (0.0, "s", "0 s"),
            (0.0042, "s", "4.2 ms"),
            (3e8, "ns", "300.0 ms"),
            (90.0, "s", "90.0 s"),
            (3600.0, "s", "60.0 min"),
            (26_214_400.0, "bytes", "25.0 MiB"),
            (2.5, "reqps", "2.50/s"),
            (12.0, "short", "12"),
            (12_500.0, "short", "12.5k"),
            (1.0, "bool", "yes"),
            (f64::NAN, "short", "–"),
        ];
        for (value, unit, wanted) in table {
            assert_eq!(shown(value, unit), wanted);
        }
    }
}
