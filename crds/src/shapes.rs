//! Owns the patterns shared by every name, namespace and key of the API.

/// A DNS-1123 subdomain: the name of an object.
pub(crate) const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A DNS-1123 label: the name of a namespace.
pub(crate) const NAMESPACE: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

/// A key of a Secret or a ConfigMap.
pub(crate) const KEY: &str = "^[-._a-zA-Z0-9]+$";

/// When a sync window opens: five fields, a nickname, or `@every` and a duration.
pub(crate) const SCHEDULE: &str =
    r"^(@(annually|yearly|monthly|weekly|daily|midnight|hourly)|@every [^\s]+.*|[^\s]+( [^\s]+){4})$";
