//! Many parameters in one call (GetParameters): a right of its own, which a policy may not give.

use serde::Deserialize;
use serde_json::json;
use strongroom_provider_api::{Aspect, Payload, RemoteKey, Result};
use strongroom_provider_kit::aws::sent;

use super::{Parameter, ParameterStore};

/// The most that AWS takes.
const MOST: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    #[serde(default)]
    parameters: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    name: String,
    #[serde(rename = "ARN")]
    arn: Option<String>,
    /// The version that was asked for, with a colon before it.
    selector: Option<String>,
    #[serde(flatten)]
    parameter: Parameter,
}

impl ParameterStore {
    /// Values are given in one call, of every version.
    pub(crate) fn batch_size(key: &RemoteKey) -> usize {
        if key.aspect == Aspect::Value { MOST } else { 1 }
    }

    /// What is stored under each of `keys`. `None` where AWS does not tell: what it calls invalid may be absent or
    /// misspelt, and only a call for it alone says which.
    pub(crate) async fn read_many(&self, keys: &[RemoteKey]) -> Result<Vec<Option<Result<Payload>>>> {
        let names: Vec<_> = keys.iter().map(|key| self.versioned(&key.key, key.version.as_deref())).collect();
        let body = sent(&json!({ "Names": names, "WithDecryption": true }));
        let batch: Batch = self.ask("read", "GetParameters", &body).await?;
        Ok(names.iter().map(|name| batch.found(name).map(|found| Ok(found.parameter.payload()))).collect())
    }
}

impl Batch {
    fn found(&self, asked: &str) -> Option<&Named> {
        self.parameters.iter().find(|found| {
            let selector = found.selector.as_deref().unwrap_or_default();
            [Some(found.name.as_str()), found.arn.as_deref()]
                .into_iter()
                .flatten()
                .any(|name| asked.strip_prefix(name) == Some(selector))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_by_name_or_arn_and_version() {
        let batch: Batch = serde_json::from_value(json!({
            "Parameters": [
                { "Name": "/a", "ARN": "arn:/a", "Value": "new", "Version": 3, "Type": "String" },
                { "Name": "/a", "ARN": "arn:/a", "Value": "old", "Version": 1, "Selector": ":1", "Type": "String" },
            ],
            "InvalidParameters": ["/gone"],
        }))
        .unwrap();
        let value = |asked: &str| batch.found(asked).map(|found| found.parameter.value.as_str().to_owned());
        assert_eq!(value("/a").as_deref(), Some("new"));
        assert_eq!(value("arn:/a").as_deref(), Some("new"));
        assert_eq!(value("/a:1").as_deref(), Some("old"));
        assert_eq!((value("/a:2"), value("/gone"), value("/ab")), (None, None, None));
    }
}
