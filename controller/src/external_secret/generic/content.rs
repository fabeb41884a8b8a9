//! `content`: which values go where in a generic target. Pure but for the clock and the templates' randomness.

use std::collections::BTreeMap;

use serde_json::Value;
use strongroom_crds::{ExternalSecretSpec, Template, TemplateAs, TemplateMetadata};
use strongroom_provider_api::SecretBytes;
use strongroom_templating::typed;

use super::super::gather::Observed;
use super::super::template::{self, Rendering, TemplateFault, Texts, decoded};
use super::path::Path;
use crate::context::Context;
use crate::error::SyncError;
use crate::hash;
use crate::kube_io::ManifestKind;

/// What is put into a generic target.
#[derive(Clone, Default, PartialEq)]
pub(super) struct GenericContent {
    /// In this order; later ones win.
    pub(super) puts: Vec<Put>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

impl GenericContent {
    /// Stands for the content; hashed where values would show.
    pub(super) fn fingerprint(&self) -> String {
        let puts: Vec<_> =
            self.puts.iter().map(|put| format!("{:?} {} {}", put.path, put.value, put.merges)).collect();
        hash::text(&format!("{puts:?} {:?} {:?}", self.labels, self.annotations))
    }
}

/// One value and its place.
#[derive(Clone, PartialEq)]
pub(super) struct Put {
    pub(super) path: Path,
    pub(super) value: Value,
    /// Members of a map are added to the map that is there, not put in its place.
    pub(super) merges: bool,
}

/// What `data`, or the template that it feeds, puts into a target of this kind (spec eso-core 2.11, 7.5).
///
/// # Errors
/// A template that fails, a target path that is none, and a value that is not text.
pub(super) async fn content(
    context: &Context,
    observed: &Observed,
    spec: &ExternalSecretSpec,
    kind: &ManifestKind,
    data: BTreeMap<String, SecretBytes>,
) -> Result<GenericContent, SyncError> {
    let Some(template) = &spec.target.template else {
        return untouched(observed, kind, &data);
    };
    let texts = template::texts(context, &observed.key.namespace, template).await;
    let texts = texts.map_err(SyncError::from)?;
    tokio::task::block_in_place(|| {
        let rendering = Rendering::new(&context.templates, template.engine_version, &data, observed.now);
        rendered(&rendering, template, &texts)
    })
    .map_err(SyncError::from)
}

/// Without a template: the data of a ConfigMap, `spec.data` of anything else.
fn untouched(
    observed: &Observed,
    kind: &ManifestKind,
    data: &BTreeMap<String, SecretBytes>,
) -> Result<GenericContent, SyncError> {
    let container = if kind.is_config_map() { Path::keys(["data"]) } else { Path::keys(["spec", "data"]) };
    let puts = data.iter().map(|(key, value)| {
        let text = value.expose_str().ok_or_else(|| no_text(key))?;
        Ok(Put { path: container.join(key), value: text.into(), merges: false })
    });
    let meta = observed.meta();
    Ok(GenericContent {
        puts: puts.collect::<Result<_, TemplateFault>>().map_err(SyncError::from)?,
        labels: meta.labels.clone().unwrap_or_default(),
        annotations: meta.annotations.clone().unwrap_or_default(),
    })
}

fn rendered(
    rendering: &Rendering<'_>,
    template: &Template,
    texts: &Texts,
) -> Result<GenericContent, TemplateFault> {
    let mut content = GenericContent::default();
    for (from, texts) in template.template_from.iter().zip(texts) {
        for text in texts {
            let rendered = rendering.text(&text.key, &text.source)?;
            match from.target.to_ascii_lowercase().as_str() {
                "" | "data" => {
                    let data = Path::keys(["data"]);
                    for (key, value) in template::pairs(text, rendered)? {
                        let value = decoded(from.values_decoding_strategy, &key, &value)?;
                        let value = Value::String(string(&key, value)?);
                        content.puts.push(Put { path: data.join(&key), value, merges: false });
                    }
                }
                place @ ("labels" | "annotations") => {
                    let is_label = place == "labels";
                    for (key, value) in template::pairs(text, rendered)? {
                        let value = string(&key, decoded(from.values_decoding_strategy, &key, &value)?)?;
                        let metadata = if is_label { &mut content.labels } else { &mut content.annotations };
                        metadata.insert(key, value);
                    }
                }
                _ => {
                    let path = Path::parse(&from.target);
                    let path = path.map_err(|fault| TemplateFault::Refused(fault.to_string()))?;
                    let value = decoded(from.values_decoding_strategy, &text.key, &rendered)?;
                    let text_value = || string(&text.key, value.clone()).map(Value::String);
                    let typed = typed(&value).map_or_else(text_value, Ok)?;
                    let merges = text.template_as == TemplateAs::KeysAndValues && !path.is_single();
                    content.puts.push(Put { path, value: typed, merges });
                }
            }
        }
    }
    for (key, source) in &template.data {
        let value = string(key, rendering.text(key, source.as_bytes())?.to_vec())?;
        content.puts.push(Put { path: Path::keys(["data"]).join(key), value: value.into(), merges: false });
    }
    if let Some(TemplateMetadata { labels, annotations, .. }) = &template.metadata {
        rendering.add_metadata(&mut content.labels, labels)?;
        rendering.add_metadata(&mut content.annotations, annotations)?;
    }
    Ok(content)
}

/// A manifest holds text only: bytes would be lost on the way.
fn string(key: &str, value: Vec<u8>) -> Result<String, TemplateFault> {
    String::from_utf8(value).map_err(|_| no_text(key))
}

fn no_text(key: &str) -> TemplateFault {
    TemplateFault::Refused(format!(
        "the value for key {key:?} is not text, and a manifest can hold nothing else"
    ))
}
