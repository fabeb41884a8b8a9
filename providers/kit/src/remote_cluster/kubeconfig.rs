//! Reads a kubeconfig that a tenant wrote: data only. What would run a program or open a file is refused.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use strongroom_provider_api::{Error, ErrorKind, Result, SecretBytes};

use crate::http::ClientCertificate;
use crate::pem;

/// What the current context of a kubeconfig says.
pub(super) struct Kubeconfig {
    pub(super) server: String,
    /// PEM; the machine's own where there is none.
    pub(super) roots: Option<Vec<u8>>,
    pub(super) token: Option<SecretBytes>,
    pub(super) certificate: Option<ClientCertificate>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    current_context: String,
    clusters: Vec<Named>,
    contexts: Vec<Named>,
    users: Vec<Named>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
    cluster: Value,
    context: Value,
    user: Value,
}

/// Settings that run a program or open a file where the controller runs: whoever may write a kubeconfig must not be
/// able to do that.
const DANGEROUS: [(&str, &str); 6] = [
    ("exec", "runs a program"),
    ("auth-provider", "runs a program"),
    ("tokenFile", "opens a file"),
    ("client-certificate", "opens a file"),
    ("client-key", "opens a file"),
    ("certificate-authority", "opens a file"),
];

/// Settings that would change who asks or whom one talks to, and that are not supported.
const UNSUPPORTED: [&str; 9] = [
    "insecure-skip-tls-verify",
    "tls-server-name",
    "proxy-url",
    "username",
    "password",
    "as",
    "as-uid",
    "as-groups",
    "as-user-extra",
];

impl fmt::Debug for Kubeconfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubeconfig").finish_non_exhaustive()
    }
}

impl Kubeconfig {
    /// The current context of the kubeconfig in `text`.
    ///
    /// # Errors
    /// `InvalidConfig` names the setting at fault, never its value.
    pub(super) fn parse(text: &SecretBytes) -> Result<Self> {
        let text = text.expose_str().ok_or_else(|| fault("it is not UTF-8"))?;
        // The parser's own words are dropped: they may quote what it read.
        let file: File =
            serde_saphyr::from_str(text).map_err(|_| fault("it is not valid YAML of a kubeconfig"))?;
        if file.current_context.is_empty() {
            return Err(fault("it has no current-context"));
        }
        let context = &found(&file.contexts, &file.current_context, "context")?.context;
        let cluster = &found(&file.clusters, text_of(context, "cluster"), "cluster")?.cluster;
        let user = &found(&file.users, text_of(context, "user"), "user")?.user;
        for part in [cluster, user] {
            check(part)?;
        }
        let server = text_of(cluster, "server");
        if server.is_empty() {
            return Err(fault("the cluster has no server"));
        }
        let roots = decoded(cluster, "certificate-authority-data")?;
        let roots =
            roots.map(|data| pem::bundle(data.expose()).ok_or_else(|| not_pem("certificate-authority-data")));
        let token = Some(text_of(user, "token")).filter(|token| !token.is_empty()).map(SecretBytes::from);
        let certificate = decoded(user, "client-certificate-data")?;
        let certificate = match (certificate, decoded(user, "client-key-data")?) {
            (Some(certificate), Some(key)) => {
                Some(ClientCertificate { certificate: certificate.expose().to_vec(), key })
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(fault("client-certificate-data and client-key-data must be given together"));
            }
        };
        if token.is_none() && certificate.is_none() {
            return Err(fault("the user has neither token nor client-certificate-data"));
        }
        Ok(Self { server: server.to_owned(), roots: roots.transpose()?, token, certificate })
    }
}

fn found<'a>(list: &'a [Named], name: &str, what: &str) -> Result<&'a Named> {
    let found = list.iter().find(|named| named.name == name);
    found.ok_or_else(|| fault(&format!("the {what} that the current context names is not in it")))
}

fn text_of<'a>(part: &'a Value, setting: &str) -> &'a str {
    part.get(setting).and_then(Value::as_str).unwrap_or_default()
}

fn check(part: &Value) -> Result<()> {
    let is_set = |setting: &str| {
        !matches!(part.get(setting), None | Some(Value::Null | Value::Bool(false)))
            && part.get(setting).and_then(Value::as_str) != Some("")
    };
    if let Some((setting, why)) = DANGEROUS.iter().find(|(setting, _)| is_set(setting)) {
        return Err(fault(&format!("{setting} is refused: it {why} where the controller runs")));
    }
    match UNSUPPORTED.iter().find(|setting| is_set(setting)) {
        Some(setting) => Err(fault(&format!("{setting} is not supported"))),
        None => Ok(()),
    }
}

fn decoded(part: &Value, setting: &str) -> Result<Option<SecretBytes>> {
    let text = text_of(part, setting);
    if text.is_empty() {
        return Ok(None);
    }
    let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(packed).map_err(|_| fault(&format!("{setting} is not base64")))?;
    Ok(Some(SecretBytes::new(bytes)))
}

fn not_pem(setting: &str) -> Error {
    fault(&format!("{setting} is not valid pem data"))
}

fn fault(message: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "use the kubeconfig", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: b\n\
             contexts: [{{name: a, context: {{cluster: x, user: x}}}}, {{name: b, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'https://a:6443', {cluster}}}}}]\n\
             users: [{{name: x, user: {{exec: {{command: sh}}}}}}, {{name: u, user: {{{user}}}}}]\n"
        )
    }

    fn refused(text: &str) -> String {
        let error = Kubeconfig::parse(&text.into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(!error.to_string().contains("canary"), "{error}");
        error.message().to_owned()
    }

    #[test]
    fn the_current_context_is_taken_and_the_others_do_not_matter() {
        let parsed = Kubeconfig::parse(&kubeconfig("", "token: canary").as_str().into()).unwrap();
        assert_eq!(parsed.server, "https://a:6443");
        assert_eq!(parsed.token, Some("canary".into()));
        assert!(parsed.roots.is_none() && parsed.certificate.is_none());
    }

    #[test]
    fn programs_and_files_are_refused() {
        for (user, setting) in [
            ("exec: {command: canary}", "exec"),
            ("auth-provider: {name: canary}", "auth-provider"),
            ("token: x, tokenFile: /canary", "tokenFile"),
            ("client-certificate: /canary", "client-certificate"),
            ("client-key: /canary", "client-key"),
        ] {
            let message = refused(&kubeconfig("", user));
            assert!(message.starts_with(&format!("{setting} is refused")), "{message}");
        }
        let message = refused(&kubeconfig("certificate-authority: /canary", "token: x"));
        assert!(message.contains("opens a file"), "{message}");
    }

    #[test]
    fn what_would_weaken_or_change_the_connection_is_named() {
        for setting in ["insecure-skip-tls-verify: true", "proxy-url: 'http://canary'"] {
            assert!(refused(&kubeconfig(setting, "token: x")).contains("is not supported"), "{setting}");
        }
        assert!(refused(&kubeconfig("", "token: x, as: canary")).contains("as is not supported"));
        assert!(
            Kubeconfig::parse(&kubeconfig("insecure-skip-tls-verify: false", "token: x").as_str().into())
                .is_ok()
        );
    }

    #[test]
    fn faults_are_named_without_values() {
        for (text, said) in [
            ("[canary", "not valid YAML"),
            ("{}", "no current-context"),
            ("current-context: canary", "not in it"),
            (&kubeconfig("", "other: 1"), "neither token"),
            (&kubeconfig("", "client-key-data: canary"), "not base64"),
            (&kubeconfig("", "client-key-data: eA=="), "together"),
            (&kubeconfig("certificate-authority-data: eA==", "token: x"), "not valid pem"),
        ] {
            let message = refused(text);
            assert!(message.contains(said), "{text}: {message}");
        }
    }
}
