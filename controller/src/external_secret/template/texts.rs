//! `texts`: fetches the templates that `templateFrom` names.

use std::collections::BTreeMap;

use strongroom_crds::{Template, TemplateAs, TemplateItem, TemplateRef};
use zeroize::Zeroizing;

use super::TemplateFault;
use crate::context::Context;
use crate::kube_io::{ApiError, ObjectKey};

/// Every text of `templateFrom`, by its position in the list.
pub(in crate::external_secret) type Texts = Vec<Vec<Text>>;

/// One template of a `templateFrom` entry. It may come from a Secret, so it is treated as one.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::external_secret) struct Text {
    /// The item's key, or where a literal stands.
    pub key: String,
    /// What the rendered text is.
    pub template_as: TemplateAs,
    /// The template.
    pub source: Zeroizing<Vec<u8>>,
}

/// The objects of one kind that have been read, by name.
type Objects = BTreeMap<String, BTreeMap<String, Zeroizing<Vec<u8>>>>;

/// The texts of all `templateFrom` entries, each entry's in upstream's order: ConfigMap, Secret, literal. An object
/// is read once however often it is named.
///
/// # Errors
/// An object or a key that does not exist, or cannot be read.
pub(in crate::external_secret) async fn texts(
    context: &Context,
    namespace: &str,
    template: &Template,
) -> Result<Texts, TemplateFault> {
    let mut config_maps = Objects::new();
    let mut secrets = Objects::new();
    for from in &template.template_from {
        if let Some(reference) = from.config_map.as_ref().filter(|it| !config_maps.contains_key(&it.name)) {
            let read = config_map(context, &ObjectKey::new(namespace, &reference.name)).await?;
            config_maps.insert(reference.name.clone(), read);
        }
        if let Some(reference) = from.secret.as_ref().filter(|it| !secrets.contains_key(&it.name)) {
            let read = secret(context, &ObjectKey::new(namespace, &reference.name)).await?;
            secrets.insert(reference.name.clone(), read);
        }
    }
    let entries = template.template_from.iter().enumerate().map(|(index, from)| {
        let mut texts = Vec::new();
        if let Some(reference) = &from.config_map {
            texts.extend(items(reference, "configmap", &config_maps)?);
        }
        if let Some(reference) = &from.secret {
            texts.extend(items(reference, "secret", &secrets)?);
        }
        if let Some(literal) = &from.literal {
            texts.push(Text {
                key: format!("templateFrom[{index}].literal"),
                template_as: TemplateAs::KeysAndValues,
                source: Zeroizing::new(literal.clone().into_bytes()),
            });
        }
        Ok(texts)
    });
    entries.collect()
}

fn items(
    reference: &TemplateRef,
    resource: &'static str,
    objects: &Objects,
) -> Result<Vec<Text>, TemplateFault> {
    let object = objects.get(&reference.name);
    let text = |item: &TemplateItem| {
        let source = object.and_then(|object| object.get(&item.key)).cloned();
        let source = source.ok_or_else(|| TemplateFault::NoKey {
            resource,
            name: reference.name.clone(),
            key: item.key.clone(),
        })?;
        Ok(Text { key: item.key.clone(), template_as: item.template_as, source })
    };
    reference.items.iter().map(text).collect()
}

async fn config_map(
    context: &Context,
    key: &ObjectKey,
) -> Result<BTreeMap<String, Zeroizing<Vec<u8>>>, TemplateFault> {
    let object = context.cluster.config_map(key).await.map_err(unread)?;
    let object = object.ok_or_else(|| absent("configmaps", key))?;
    let texts = object.data.unwrap_or_default().into_iter();
    Ok(texts.map(|(key, text)| (key, Zeroizing::new(text.into_bytes()))).collect())
}

async fn secret(
    context: &Context,
    key: &ObjectKey,
) -> Result<BTreeMap<String, Zeroizing<Vec<u8>>>, TemplateFault> {
    let object = context.cluster.secret(key).await.map_err(unread)?;
    let object = object.ok_or_else(|| absent("secrets", key))?;
    let texts = object.data.unwrap_or_default().into_iter();
    Ok(texts.map(|(key, bytes)| (key, Zeroizing::new(bytes.0))).collect())
}

fn absent(resource: &'static str, key: &ObjectKey) -> TemplateFault {
    TemplateFault::NoObject { resource, name: key.name.clone() }
}

fn unread(error: ApiError) -> TemplateFault {
    TemplateFault::Unread(Box::new(error))
}
