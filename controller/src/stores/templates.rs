//! `StoreTemplates`: renders the templates that stand in a store's settings, for providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_provider_api::{Clock, SecretBytes, TemplateFields, TemplateRenderer};
use strongroom_templating::engine::go_template::{self, Delimiters, Environment};
use tokio::runtime::{Handle, RuntimeFlavor};
use zeroize::Zeroize;

use crate::random::SystemRandom;

/// Go templates between `{{` and `}}`: the delimiters of the command line are for targets, as upstream's.
#[derive(Debug)]
pub struct StoreTemplates {
    clock: Arc<dyn Clock>,
}

impl StoreTemplates {
    /// Templates whose `now` is `clock`'s.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

impl TemplateRenderer for StoreTemplates {
    fn rendered(&self, source: &str, fields: &TemplateFields) -> Result<SecretBytes, String> {
        let template =
            go_template::compile(source, &Delimiters::default()).map_err(|error| error.to_string())?;
        let mut groups: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (name, group) in fields {
            let values = group.iter().map(|(name, value)| (name.clone(), value.expose().to_vec()));
            groups.insert(name.clone(), values.collect());
        }
        let mut environment = Environment { now: self.clock.now(), random: &mut SystemRandom };
        let rendered = yielding(|| template.render_groups(&groups, &mut environment));
        groups.values_mut().flat_map(BTreeMap::values_mut).for_each(Zeroize::zeroize);
        rendered.map(SecretBytes::new).map_err(|error| error.to_string())
    }
}

/// A template may take long: nobody may have to wait for this thread.
fn yielding<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        Ok(_) | Err(_) => work(),
    }
}

#[cfg(test)]
mod tests {
    use strongroom_provider_api::SystemClock;

    use super::*;

    fn rendered(source: &str) -> Result<String, String> {
        let group = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), SecretBytes::from(value))]);
        let fields = BTreeMap::from([
            ("remoteRef".to_owned(), group("key", "team/db")),
            ("login".to_owned(), group("password", "canary")),
        ]);
        let text = StoreTemplates::new(Arc::new(SystemClock)).rendered(source, &fields)?;
        Ok(String::from_utf8(text.expose().to_vec()).unwrap())
    }

    #[test]
    fn fields_of_groups_and_functions_are_rendered() {
        assert_eq!(rendered("/v1/{{ .remoteRef.key | upper }}").unwrap(), "/v1/TEAM/DB");
        let basic = r#"Basic {{ printf "%s:%s" .remoteRef.key .login.password | b64enc }}"#;
        assert_eq!(rendered(basic).unwrap(), "Basic dGVhbS9kYjpjYW5hcnk=");
        assert_eq!(rendered("{{ .login.none }}").unwrap(), "<no value>");
    }

    #[test]
    fn a_fault_shows_no_value() {
        for source in ["{{ .login.password | fail }}", "{{ .login.password | nothing }}", "{{ atoi .login }}"]
        {
            let fault = rendered(source).unwrap_err();
            assert!(!fault.contains("canary"), "{fault}");
        }
    }
}
