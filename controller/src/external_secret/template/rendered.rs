//! `rendered`: renders a template's texts in upstream's order. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use strongroom_crds::{
    DecodingStrategy, EngineVersion, MergePolicy, Template, TemplateAs, TemplateFrom, TemplateMetadata,
};
use strongroom_provider_api::SecretBytes;
use strongroom_templating::key_values;
use strongroom_templating::transform::decode;
use zeroize::Zeroizing;

use super::engine::{Fields, Templates};
use super::texts::{Text, Texts};
use super::{Content, TemplateFault};
use crate::external_secret::shape::decoding;

/// A key and its rendered value.
type Pair = (String, Zeroizing<Vec<u8>>);

/// Where rendered keys and values go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Data,
    Labels,
    Annotations,
}

/// One rendering: the engine, and what every template of the object sees.
pub(in crate::external_secret) struct Rendering<'a> {
    templates: &'a Templates,
    engine: EngineVersion,
    fields: Fields,
    now: Timestamp,
}

/// What `template` makes of `data`, whose `templateFrom` texts have been fetched.
///
/// Every template sees the fetched data alone, never what another one rendered. Later results win: `templateFrom`
/// in order, then `data`, then labels and annotations (spec eso-core 2.9 e, 7.4).
///
/// # Errors
/// A text that cannot be rendered, or whose result cannot be used.
pub(super) fn rendered(
    templates: &Templates,
    template: &Template,
    texts: &Texts,
    data: BTreeMap<String, SecretBytes>,
    now: Timestamp,
) -> Result<Content, TemplateFault> {
    let rendering = Rendering::new(templates, template.engine_version, &data, now);
    let nothing_rendered = template.data.is_empty() && template.template_from.is_empty();
    let keeps_data = template.merge_policy == MergePolicy::Merge || nothing_rendered;
    let mut content = Content {
        data: if keeps_data { data } else { BTreeMap::new() },
        type_: template.type_.clone().filter(|type_| !type_.is_empty()),
        ..Content::default()
    };
    for (from, texts) in template.template_from.iter().zip(texts) {
        rendering.add_from(&mut content, from, texts)?;
    }
    for (key, source) in &template.data {
        let value = rendering.text(key, source.as_bytes())?;
        content.data.insert(key.clone(), SecretBytes::from(value));
    }
    if let Some(TemplateMetadata { labels, annotations, finalizers }) = &template.metadata {
        rendering.add_metadata(&mut content.labels, labels)?;
        rendering.add_metadata(&mut content.annotations, annotations)?;
        content.finalizers.clone_from(finalizers);
    }
    Ok(content)
}

impl<'a> Rendering<'a> {
    /// Templates see `data`.
    pub(in crate::external_secret) fn new(
        templates: &'a Templates,
        engine: EngineVersion,
        data: &BTreeMap<String, SecretBytes>,
        now: Timestamp,
    ) -> Self {
        Self { templates, engine, fields: Fields::new(data), now }
    }

    /// What `source` renders; `key` names it in messages.
    pub(in crate::external_secret) fn text(
        &self,
        key: &str,
        source: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, TemplateFault> {
        self.templates.rendered(self.engine, key, source, &self.fields, self.now)
    }

    /// Renders the values of labels or annotations.
    pub(in crate::external_secret) fn add_metadata(
        &self,
        rendered: &mut BTreeMap<String, String>,
        sources: &BTreeMap<String, String>,
    ) -> Result<(), TemplateFault> {
        for (key, source) in sources {
            let value = self.text(key, source.as_bytes())?;
            rendered.insert(key.clone(), String::from_utf8_lossy(&value).into_owned());
        }
        Ok(())
    }

    fn add_from(
        &self,
        content: &mut Content,
        from: &TemplateFrom,
        texts: &[Text],
    ) -> Result<(), TemplateFault> {
        let place = place(&from.target)?;
        for text in texts {
            let rendered = self.text(&text.key, &text.source)?;
            for (key, value) in pairs(text, rendered)? {
                let value = decoded(from.values_decoding_strategy, &key, &value)?;
                put(content, place, key, Zeroizing::new(value));
            }
        }
        Ok(())
    }
}

/// A rendered value, decoded as asked.
pub(in crate::external_secret) fn decoded(
    strategy: Option<DecodingStrategy>,
    key: &str,
    value: &[u8],
) -> Result<Vec<u8>, TemplateFault> {
    let decoded = decode::decode(decoding(strategy), value);
    decoded.map_err(|error| TemplateFault::Decode { key: key.to_owned(), error })
}

/// The keys and values that one rendered text stands for.
pub(in crate::external_secret) fn pairs(
    text: &Text,
    rendered: Zeroizing<Vec<u8>>,
) -> Result<Vec<Pair>, TemplateFault> {
    match text.template_as {
        TemplateAs::Values => Ok(vec![(text.key.clone(), rendered)]),
        TemplateAs::KeysAndValues => {
            let pairs = key_values(&rendered)
                .map_err(|fault| TemplateFault::NoMapping { place: text.key.clone(), fault })?;
            Ok(pairs.into_iter().map(|(key, value)| (key, Zeroizing::new(value))).collect())
        }
    }
}

fn put(content: &mut Content, place: Place, key: String, value: Zeroizing<Vec<u8>>) {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    match place {
        Place::Data => {
            content.data.insert(key, SecretBytes::from(value));
        }
        Place::Labels => {
            content.labels.insert(key, text(&value));
        }
        Place::Annotations => {
            content.annotations.insert(key, text(&value));
        }
    }
}

/// A Secret has no other place that may be written (spec eso-core 1.7).
fn place(target: &str) -> Result<Place, TemplateFault> {
    match target.to_ascii_lowercase().as_str() {
        "" | "data" => Ok(Place::Data),
        "labels" => Ok(Place::Labels),
        "annotations" => Ok(Place::Annotations),
        _ => Err(TemplateFault::Refused(format!(
            "templateFrom target={target:?} is not allowed when targeting a Secret, must be one of \"Data\", \
             \"Annotations\" or \"Labels\""
        ))),
    }
}
