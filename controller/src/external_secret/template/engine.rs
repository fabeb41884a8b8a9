//! `Templates`: renders template texts, and keeps those compiled that are used again and again.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use strongroom_crds::EngineVersion;
use strongroom_provider_api::SecretBytes;
use strongroom_templating::engine::go_template::{self, Delimiters};
use strongroom_templating::engine::{Environment, handlebars};
use zeroize::{Zeroize, Zeroizing};

use super::TemplateFault;
use crate::hash;
use crate::random::SystemRandom;

/// Most source bytes of which compiled templates are kept. A template that many objects share is compiled once; a
/// cluster with more different ones than this compiles again, at some microseconds each.
const KEPT_BYTES: usize = 512 * 1024;

/// Values by name, as templates see them. They are wiped when they are no longer needed.
pub(super) struct Fields(BTreeMap<String, Vec<u8>>);

/// The template engines, with the delimiters of the command line.
#[derive(Debug, Default)]
pub struct Templates {
    delimiters: Delimiters,
    kept: Mutex<Kept>,
}

/// Compiled templates by the hash of their source, which may be a Secret's, and by their name where it matters.
#[derive(Default)]
struct Kept {
    templates: HashMap<(EngineVersion, Option<String>, String), Compiled>,
    bytes: usize,
}

#[derive(Clone)]
enum Compiled {
    Go(Arc<go_template::Template>),
    Handlebars(Arc<handlebars::Template>),
}

impl Fields {
    pub(super) fn new(data: &BTreeMap<String, SecretBytes>) -> Self {
        Self(data.iter().map(|(key, value)| (key.clone(), value.expose().to_vec())).collect())
    }
}

/// True if `source` may define or call a template: only then does it matter what it is called itself.
fn names_templates(source: &[u8]) -> bool {
    let words: [&[u8]; 3] = [b"define", b"block", b"template"];
    words.into_iter().any(|word| source.windows(word.len()).any(|window| window == word))
}

impl Drop for Fields {
    fn drop(&mut self) {
        self.0.values_mut().for_each(Zeroize::zeroize);
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("templates", &self.templates.len()).finish_non_exhaustive()
    }
}

impl Templates {
    /// Engines whose Go templates use these delimiters.
    pub fn new(delimiters: Delimiters) -> Self {
        Self { delimiters, kept: Mutex::default() }
    }

    /// The text that `source` renders with `fields`; `key` names the template in messages.
    ///
    /// # Errors
    /// A source that is no template, or that cannot be rendered with these fields.
    pub(super) fn rendered(
        &self,
        engine: EngineVersion,
        key: &str,
        source: &[u8],
        fields: &Fields,
        now: Timestamp,
    ) -> Result<Zeroizing<Vec<u8>>, TemplateFault> {
        let compiled = self.compiled(engine, key, source);
        let compiled = compiled.map_err(|error| TemplateFault::Parse { key: key.to_owned(), error })?;
        let mut environment = Environment { now, random: &mut SystemRandom };
        let rendered = match compiled {
            Compiled::Go(template) => {
                template.render(&fields.0, &mut environment).map_err(|error| error.to_string())
            }
            Compiled::Handlebars(template) => {
                template.render(&fields.0, &mut environment).map_err(|error| error.to_string())
            }
        };
        rendered.map(Zeroizing::new).map_err(|error| TemplateFault::Execute { key: key.to_owned(), error })
    }

    fn compiled(&self, engine: EngineVersion, key: &str, source: &[u8]) -> Result<Compiled, String> {
        let name = engine == EngineVersion::V2 && names_templates(source);
        let name = name.then_some(key);
        let id = (engine, name.map(ToOwned::to_owned), hash::bytes(source));
        if let Some(kept) = self.lock().templates.get(&id) {
            return Ok(kept.clone());
        }
        let compiled = match engine {
            EngineVersion::V2 => {
                let template = go_template::compile_named(name, source, &self.delimiters);
                Compiled::Go(Arc::new(template.map_err(|error| error.to_string())?))
            }
            EngineVersion::Handlebars => {
                let source =
                    std::str::from_utf8(source).map_err(|_| "the template is not UTF-8".to_owned())?;
                let template = handlebars::compile(source);
                Compiled::Handlebars(Arc::new(template.map_err(|error| error.to_string())?))
            }
        };
        let mut kept = self.lock();
        if kept.bytes.saturating_add(source.len()) > KEPT_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += source.len();
        kept.templates.insert(id, compiled.clone());
        Ok(compiled)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
