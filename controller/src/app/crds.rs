//! `strongroom crds`: the CustomResourceDefinitions of what is built in.

use std::io::{ErrorKind, Write as _};

use anyhow::Context as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use strongroom_crds::GeneratorSchema;
use strongroom_provider_catalog as catalog;

/// All definitions.
///
/// # Errors
/// A schema that a CustomResourceDefinition cannot hold.
pub(super) fn definitions() -> anyhow::Result<Vec<CustomResourceDefinition>> {
    let generators: Vec<_> = catalog::generators()
        .map(|it| GeneratorSchema { group: it.group, kind: it.kind, spec: it.schema() })
        .collect();
    let mut definitions = strongroom_crds::definitions(&catalog::schemas())?;
    definitions.extend(strongroom_crds::generator_definitions(&generators)?);
    definitions.extend(strongroom_crds::own_definitions()?);
    Ok(definitions)
}

/// The definitions as YAML documents, by the name of the file that holds each.
///
/// # Errors
/// A definition that cannot be printed.
pub fn documents() -> anyhow::Result<Vec<(String, String)>> {
    definitions()?
        .into_iter()
        .map(|definition| {
            let name = definition.metadata.name.clone().unwrap_or_default();
            let yaml = serde_saphyr::to_string(&definition).with_context(|| format!("printing {name}"))?;
            let (group, plural) = (&definition.spec.group, &definition.spec.names.plural);
            Ok((format!("{group}_{plural}.yaml"), yaml))
        })
        .collect()
}

/// Prints all definitions as one YAML stream.
pub(super) fn print() -> anyhow::Result<()> {
    let stream =
        documents()?.into_iter().fold(String::new(), |stream, (_, document)| stream + "---\n" + &document);
    printed(&stream)
}

/// Writes `text` to standard output.
pub(super) fn printed(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // The reader has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("printing"),
    }
}
