//! What makes a policy unusable although its schema lets it in. Pure.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::Selector;
use strongroom_crds::{GoDuration, SyncPolicySpec};

/// Field and reason of the first fault.
pub(super) fn fault(spec: &SyncPolicySpec) -> Option<String> {
    let staleness = spec.max_staleness.iter().find_map(|text| bad_duration("spec.maxStaleness", text));
    let selector = spec.selector.iter().find_map(|selector| bad_selector("spec.selector", selector));
    let restart = spec.restart.iter().flat_map(|restart| {
        let durations = [
            ("spec.restart.debounce", restart.debounce.as_deref()),
            ("spec.restart.minInterval", restart.min_interval.as_deref()),
        ];
        let durations = durations.into_iter().filter_map(|(field, text)| bad_duration(field, text?));
        let selectors = restart.targets.iter().enumerate().filter_map(|(place, target)| {
            bad_selector(&format!("spec.restart.targets[{place}].selector"), target.selector.as_ref()?)
        });
        durations.chain(selectors)
    });
    selector.into_iter().chain(staleness).chain(restart).next()
}

/// A duration of a policy, `default` if it is absent. One that cannot be read is a fault, and never gets here.
pub fn duration(text: Option<&str>, default: Duration) -> Duration {
    let read = text.and_then(|text| text.parse::<GoDuration>().ok());
    read.and_then(GoDuration::as_std).unwrap_or(default)
}

fn bad_duration(field: &str, text: &str) -> Option<String> {
    match text.parse::<GoDuration>() {
        Ok(duration) if duration.as_std().is_some() => None,
        Ok(_) => Some(format!("{field}: {text:?} is negative")),
        Err(error) => Some(format!("{field}: {error}")),
    }
}

fn bad_selector(field: &str, selector: &LabelSelector) -> Option<String> {
    Selector::try_from(selector.clone()).err().map(|error| format!("{field}: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_faulty_field_is_named() {
        let said = |spec: serde_json::Value| fault(&serde_json::from_value(spec).unwrap());
        let target = json!([{ "kind": "Deployment", "name": "web" }]);
        assert_eq!(said(json!({ "selector": {}, "restart": { "targets": target, "debounce": "5s" } })), None);
        let soon = said(json!({ "restart": { "targets": target, "minInterval": "soon" } })).unwrap();
        assert!(soon.starts_with("spec.restart.minInterval: ") && soon.contains("soon"), "{soon}");
        let near = json!({ "matchExpressions": [{ "key": "a", "operator": "Near" }] });
        let said =
            said(json!({ "restart": { "targets": [{ "kind": "Deployment", "selector": near }] } })).unwrap();
        assert!(said.starts_with("spec.restart.targets[0].selector: "), "{said}");
    }
}
