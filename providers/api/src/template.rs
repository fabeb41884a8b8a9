//! `TemplateRenderer`: renders the templates that stand in settings; the engine is handed in by the kernel.

use std::collections::BTreeMap;
use std::fmt;

use crate::SecretBytes;

/// What a template sees: `{{ .group.name }}`, a `map[string]map[string]string` in Go's terms.
pub type TemplateFields = BTreeMap<String, BTreeMap<String, SecretBytes>>;

/// Renders Go templates with upstream's functions. Providers do not depend on the engine: the kernel hands it in.
pub trait TemplateRenderer: fmt::Debug + Send + Sync + 'static {
    /// The text that `source` renders with `fields`. A name that a group does not have prints `<no value>`, as
    /// upstream's do.
    ///
    /// # Errors
    /// What is wrong, in one line that shows no value: `source` is no template, or cannot be rendered.
    fn rendered(&self, source: &str, fields: &TemplateFields) -> Result<SecretBytes, String>;
}

/// Renders `{{ .group.name }}` and nothing else: for tests of providers, which have no engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainFields;

impl TemplateRenderer for PlainFields {
    fn rendered(&self, source: &str, fields: &TemplateFields) -> Result<SecretBytes, String> {
        let mut text = Vec::new();
        let mut rest = source;
        while let Some((before, action)) = rest.split_once("{{") {
            let (action, after) = action.split_once("}}").ok_or("unclosed action")?;
            let field = action.trim().strip_prefix('.').and_then(|path| path.split_once('.'));
            let field = field.filter(|(_, name)| !name.contains(char::is_whitespace));
            let (group, name) = field.ok_or("not a plain field")?;
            text.extend_from_slice(before.as_bytes());
            match fields.get(group).and_then(|group| group.get(name)) {
                Some(value) => text.extend_from_slice(value.expose()),
                None => text.extend_from_slice(b"<no value>"),
            }
            rest = after;
        }
        text.extend_from_slice(rest.as_bytes());
        Ok(SecretBytes::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_fields_are_put_in_place_and_functions_are_refused() {
        let group = BTreeMap::from([("key".to_owned(), SecretBytes::from("db"))]);
        let fields = BTreeMap::from([("remoteRef".to_owned(), group)]);
        let rendered = |source| PlainFields.rendered(source, &fields);
        assert_eq!(rendered("/a/{{ .remoteRef.key }}?x").unwrap(), SecretBytes::from("/a/db?x"));
        assert_eq!(rendered("{{.remoteRef.none}}").unwrap(), SecretBytes::from("<no value>"));
        assert!(rendered("{{ .remoteRef.key | upper }}").is_err());
        assert!(rendered("{{ upper .remoteRef.key }}").is_err());
        assert!(rendered("{{ .remoteRef.key").is_err());
    }
}
