//! Decides whether an object, and a property of it, may be read.

use regex::{Regex, RegexBuilder};
use strongroom_provider_api::Violation;

use crate::config::{CrdWhitelist, CrdWhitelistRule};

/// What one compiled expression may take, in bytes.
const SIZE: usize = 64 * 1024;

/// The rules of a store, read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowed(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    name: Option<Regex>,
    namespace: Option<Regex>,
    properties: Vec<Regex>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    /// `None` in a SecretStore, whose namespace is not chosen; empty for an object that has none.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) property: Option<&'a str>,
}

impl Allowed {
    /// The rules of `whitelist`, or its faults.
    pub(crate) fn new(whitelist: Option<&CrdWhitelist>) -> Result<Self, Vec<Violation>> {
        let rules = whitelist.map(|whitelist| whitelist.rules.as_slice()).unwrap_or_default();
        let (mut read, mut faults) = (Vec::new(), Vec::new());
        for (index, rule) in rules.iter().enumerate() {
            match Rule::new(&format!("whitelist.rules[{index}]"), rule) {
                Ok(rule) => read.push(rule),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(Self(read)) } else { Err(faults) }
    }

    /// Whether one of the rules lets `wanted` through. Without rules, everything is.
    pub(crate) fn lets_through(&self, wanted: Wanted<'_>) -> bool {
        self.0.is_empty() || self.0.iter().any(|rule| rule.lets_through(wanted))
    }
}

impl Rule {
    fn new(field: &str, rule: &CrdWhitelistRule) -> Result<Self, Violation> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (name, namespace) = (given(&rule.name), given(&rule.namespace));
        if name.is_none() && namespace.is_none() && rule.properties.is_empty() {
            // It would let everything through.
            return Err(Violation::new(field, "must name name, namespace or properties"));
        }
        let one = |member: String, text: &str| {
            let read = RegexBuilder::new(text).size_limit(SIZE).build();
            read.map_err(|_| Violation::new(member, "not a regular expression, or too large a one"))
        };
        let properties = rule.properties.iter().enumerate();
        let properties = properties.map(|(index, text)| one(format!("{field}.properties[{index}]"), text));
        Ok(Self {
            name: name.map(|text| one(format!("{field}.name"), &text)).transpose()?,
            namespace: namespace.map(|text| one(format!("{field}.namespace"), &text)).transpose()?,
            properties: properties.collect::<Result<_, _>>()?,
        })
    }

    fn lets_through(&self, wanted: Wanted<'_>) -> bool {
        let in_namespace = match (&self.namespace, wanted.namespace) {
            (None, _) | (Some(_), None) => true,
            // A rule for namespaces means objects that have one.
            (Some(rule), Some(namespace)) => !namespace.is_empty() && rule.is_match(namespace),
        };
        let property =
            || wanted.property.is_some_and(|it| self.properties.iter().any(|rule| rule.is_match(it)));
        self.name.as_ref().is_none_or(|rule| rule.is_match(wanted.name))
            && in_namespace
            && (self.properties.is_empty() || property())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, namespace: &str, properties: &[&str]) -> CrdWhitelistRule {
        CrdWhitelistRule {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            properties: properties.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    fn allows(
        rules: &[CrdWhitelistRule],
        name: &str,
        namespace: Option<&str>,
        property: Option<&str>,
    ) -> bool {
        let allowed = Allowed::new(Some(&CrdWhitelist { rules: rules.to_vec() })).unwrap();
        allowed.lets_through(Wanted { name, namespace, property })
    }

    #[test]
    fn all_that_one_rule_says_must_hold() {
        let rules =
            [rule("^app-", "^prod$", &[r"^spec\.password$", r"^spec\.user$"]), rule("^open$", "", &[])];
        let property = Some("spec.password");
        for (name, namespace, property, wanted) in [
            ("app-db", Some("prod"), property, true),
            ("app-db", Some("prod"), Some("spec.user"), true),
            ("app-db", Some("prod"), Some("spec.other"), false),
            ("app-db", Some("prod"), None, false),
            ("app-db", Some("test"), property, false),
            ("app-db", Some(""), property, false),
            // A SecretStore's namespace is not chosen.
            ("app-db", None, property, true),
            ("db", Some("prod"), property, false),
            ("open", Some("test"), None, true),
        ] {
            assert_eq!(
                allows(&rules, name, namespace, property),
                wanted,
                "{name} {namespace:?} {property:?}"
            );
        }
        assert!(allows(&[], "any", Some("any"), None));
    }

    #[test]
    fn an_empty_rule_and_an_expression_that_is_none_are_named() {
        for (rule, field) in [
            (rule("", "", &[]), "whitelist.rules[0]"),
            (rule("(", "", &[]), "whitelist.rules[0].name"),
            (rule("", "(", &[]), "whitelist.rules[0].namespace"),
            (rule("", "", &["a", "("]), "whitelist.rules[0].properties[1]"),
            (rule("(a{9999}){9999}", "", &[]), "whitelist.rules[0].name"),
        ] {
            let faults = Allowed::new(Some(&CrdWhitelist { rules: vec![rule] })).unwrap_err();
            assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), [field]);
        }
    }
}
