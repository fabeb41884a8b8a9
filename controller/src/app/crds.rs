//! `strongroom crds`: the CustomResourceDefinitions of what is built in.

use std::io::{ErrorKind, Write as _};

use anyhow::Context as _;
use strongroom_crds::GeneratorSchema;
use strongroom_provider_catalog as catalog;

/// The definitions as YAML documents, by the name of the file that holds each.
///
/// # Errors
/// A definition that cannot be printed.
pub fn documents() -> anyhow::Result<Vec<(String, String)>> {
    let generators: Vec<_> = catalog::generators()
        .map(|it| GeneratorSchema { group: it.group, kind: it.kind, spec: it.schema() })
        .collect();
    let definitions = strongroom_crds::definitions(&catalog::schemas())?;
    definitions
        .into_iter()
        .chain(strongroom_crds::generator_definitions(&generators)?)
        .chain(strongroom_crds::own_definitions()?)
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
    match std::io::stdout().lock().write_all(stream.as_bytes()) {
        // The reader has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("printing"),
    }
}
