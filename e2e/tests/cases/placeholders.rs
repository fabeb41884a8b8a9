//! What the `@…@` of recorded cases stand for.

use anyhow::{Context, Result};
use serde_json::Value;
use strongroom_e2e::{
    cluster::{Cluster, Kind},
    testbed::Testbed,
};

const UID: &str = "@UID:";

/// The text of a case with everything filled in that is known before the case is played.
pub(crate) fn filled(text: &str, namespace: &str, testbed: &Testbed) -> String {
    let vault = &testbed.vault;
    let meanings = [
        ("@NS@", namespace),
        ("@VAULT@", &vault.address),
        ("@VAULT_TOKEN@", &vault.root_token),
        ("@NARROW_TOKEN@", &vault.narrow_token),
        ("@ROLE_ID@", &vault.role_id),
        ("@SECRET_ID@", &vault.secret_id),
        ("@API@", &testbed.api_server),
    ];
    meanings
        .into_iter()
        .fold(text.to_owned(), |text, (placeholder, meaning)| text.replace(placeholder, meaning))
}

/// A manifest or patch with `@UID:Kind/name@` replaced by the uid of that object.
pub(crate) async fn with_uids(manifest: &Value, cluster: &Cluster, namespace: &str) -> Result<Value> {
    let mut text = manifest.to_string();
    while let Some((before, rest)) = text.split_once(UID) {
        let (object, after) = rest.split_once('@').context("an unfinished @UID:…@")?;
        let (kind, name) = object.split_once('/').context("@UID:…@ without a name")?;
        let found = cluster.get(Kind::named(kind)?, namespace, name).await?;
        let uid = found["metadata"]["uid"].as_str().context("an object without uid")?;
        text = format!("{before}{uid}{after}");
    }
    Ok(serde_json::from_str(&text)?)
}
