//! Settings: what is wrong is named.

use serde_json::{Value, json};
use strongroom_provider_api::{ErrorKind, Resolver as _, StoreKind};

use super::{case, not_applicable, shown};
use crate::outcome::ensure;
use crate::{Outcome, structural_faults};

case! {
    /// The API server prunes what the schema does not know; an object stored before must still work.
    unknown_field_is_ignored(fixture) {
        let mut store = fixture.store(&[]).await;
        let Some(config) = store.config.as_object_mut() else { return Err("settings are no object".to_owned()) };
        config.insert("unheardOf".to_owned(), json!({ "a": 1 }));
        let checked = fixture.descriptor().validate(&store.config, StoreKind::Cluster);
        ensure!(checked.as_ref().is_ok_and(Vec::is_empty), "{}", shown(&checked));
        Ok(Outcome::Passed)
    }
}

case! {
    /// Settings of another form are the store's fault, and the message says where they stand.
    wrong_type_is_invalid_config(fixture) {
        let descriptor = fixture.descriptor();
        let checked = descriptor.validate(&json!("text"), StoreKind::Cluster);
        ensure!(checked.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidConfig), "{}", shown(&checked));
        let place = format!("spec.provider.{}", descriptor.name);
        ensure!(shown(&checked).contains(&place), "{place} is not named: {}", shown(&checked));
        Ok(Outcome::Passed)
    }
}

case! {
    /// Whoever wrote the settings is told where the fault is, before anybody is asked.
    violations_name_fields(fixture) {
        let faulty = fixture.faulty_settings();
        if faulty.is_empty() {
            return not_applicable("the fixture names no faulty settings");
        }
        let descriptor = fixture.descriptor();
        let mut store = fixture.store(&[]).await;
        for (config, field) in faulty {
            let kind = store.resolver.store_kind();
            let found = descriptor.validate(&config, kind).map_err(|error| format!("{field}: {error}"))?;
            let named: Vec<_> = found.iter().map(|violation| violation.field.as_str()).collect();
            ensure!(named == [field], "expected a fault of {field:?}, found {named:?}");
            ensure!(found.iter().all(|violation| !violation.message.is_empty()), "{field}: no reason is given");
            store.config = config;
            let connected = store.connect(&descriptor).await.map(drop);
            let place = format!("spec.provider.{}.{field}", descriptor.name);
            let refused = connected.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidConfig);
            ensure!(refused && shown(&connected).contains(&place), "{place}: {}", shown(&connected));
            let asked = store.resolver.asked();
            ensure!(asked.is_empty(), "{field}: references were resolved all the same: {asked:?}");
        }
        Ok(Outcome::Passed)
    }
}

case! {
    /// The API server takes no other schema.
    schema_is_structural(fixture) {
        let faults = structural_faults(&fixture.descriptor().schema());
        ensure!(faults.is_empty(), "{}", faults.join("; "));
        Ok(Outcome::Passed)
    }
}

case! {
    /// Every setting that the fixture uses stands in the schema: otherwise the API server would prune it.
    schema_describes_the_example(fixture) {
        let store = fixture.store(&[]).await;
        let unknown = undescribed("", &store.config, &fixture.descriptor().schema());
        ensure!(unknown.is_empty(), "the schema lacks {unknown:?}");
        Ok(Outcome::Passed)
    }
}

/// Paths of `value` that `schema` does not know.
fn undescribed(path: &str, value: &Value, schema: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| {
                let path = format!("{path}.{name}");
                let known = schema.get("properties").and_then(|properties| properties.get(name));
                let known = known.or_else(|| schema.get("additionalProperties"));
                known.map_or_else(|| vec![path.clone()], |known| undescribed(&path, member, known))
            })
            .collect(),
        Value::Array(items) => {
            let schema = schema.get("items").unwrap_or(&Value::Null);
            items.iter().flat_map(|item| undescribed(path, item, schema)).collect()
        }
        _ => Vec::new(),
    }
}
