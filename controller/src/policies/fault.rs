//! What makes a policy unusable although its schema lets it in, and what its texts mean. Pure.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::Selector;
use strongroom_crds::{GoDuration, SyncPolicySpec};

/// The shares of its life after which a lease may be renewed, in percent.
const RENEW_AT: std::ops::RangeInclusive<i64> = 10..=90;

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
    let lease = spec.lease.iter().flat_map(|lease| {
        let share = lease.renew_at.iter().find_map(|text| bad_share("spec.lease.renewAt", text));
        share.into_iter().chain(lease.grace.iter().find_map(|text| bad_duration("spec.lease.grace", text)))
    });
    let previous = spec.keep_previous.iter().find_map(|text| bad_duration("spec.keepPrevious", text));
    selector.into_iter().chain(staleness).chain(restart).chain(lease).chain(previous).next()
}

/// A share of a policy in percent. One that cannot be read is a fault, and never gets here.
pub(super) fn share(text: &str) -> Option<i64> {
    text.strip_suffix('%')?.parse().ok().filter(|percent| RENEW_AT.contains(percent))
}

fn bad_share(field: &str, text: &str) -> Option<String> {
    let (least, most) = (RENEW_AT.start(), RENEW_AT.end());
    share(text).is_none().then(|| format!("{field}: {text:?} is not a share from {least}% to {most}%"))
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

    #[test]
    fn a_share_that_leaves_no_time_is_a_fault() {
        let said =
            |lease: serde_json::Value| fault(&serde_json::from_value(json!({ "lease": lease })).unwrap());
        for good in ["10%", "67%", "90%"] {
            assert_eq!(said(json!({ "renewAt": good, "grace": "0s", "revokeOn": "Never" })), None);
        }
        for bad in ["9%", "91%", "100%", "50", "half"] {
            let said = said(json!({ "renewAt": bad })).unwrap();
            assert_eq!(said, format!("spec.lease.renewAt: {bad:?} is not a share from 10% to 90%"));
        }
        assert!(said(json!({ "grace": "soon" })).unwrap().starts_with("spec.lease.grace: "));
        let previous = fault(&serde_json::from_value(json!({ "keepPrevious": "soon" })).unwrap()).unwrap();
        assert!(previous.starts_with("spec.keepPrevious: "), "{previous}");
    }
}
