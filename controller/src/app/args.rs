//! The command line: with `trace_args` the only place where flags and the environment are read.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgAction, Parser, Subcommand};
use strongroom_crds::GoDuration;
use strongroom_provider_api::{Endpoints, Lent, OwnIdentity, Reach, SecretBytes};

use super::trace_args::TraceArgs;
use crate::telemetry::{AuditLog, LOG_LEVELS, LogFormat};

/// Keeps Kubernetes Secrets in step with external secret stores.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Runs the controller.
    Controller(Box<ControllerArgs>),
    /// Prints the CustomResourceDefinitions.
    Crds,
    /// Prints flags, metrics and definitions as JSON, for the documentation.
    #[command(hide = true)]
    Describe,
}

/// Flags are named as upstream's where they mean the same (spec eso-core 9.1).
#[derive(Debug, clap::Args)]
pub(super) struct ControllerArgs {
    /// Address of the metrics endpoint.
    #[arg(long, default_value = ":8080")]
    pub(super) metrics_addr: ListenAddress,
    /// Address of /healthz and /readyz.
    #[arg(long, default_value = ":8082")]
    pub(super) live_addr: ListenAddress,
    /// trace, debug, info, warn or error.
    #[arg(long, default_value = "info", value_parser = LOG_LEVELS)]
    pub(super) loglevel: String,
    /// A file that names the level while the controller runs: it is read every five seconds and at SIGHUP, and while it is
    /// absent or empty, --loglevel holds.
    #[arg(long, default_value = "")]
    pub(super) loglevel_file: String,
    /// How a log line looks.
    #[arg(long, default_value = "json")]
    pub(super) log_format: LogFormat,
    /// Address of the refresh endpoint (`POST /v1/refresh`), for example `:8443`; there is none if not given.
    #[arg(long)]
    pub(super) refresh_api_addr: Option<ListenAddress>,
    /// Certificate of the refresh endpoint with its chain, a PEM file that is read again when it changes; plain HTTP if
    /// not given.
    #[arg(long, requires = "refresh_api_key_file")]
    pub(super) refresh_api_cert_file: Option<PathBuf>,
    /// Private key of that certificate, a PEM file.
    #[arg(long, requires = "refresh_api_cert_file")]
    pub(super) refresh_api_key_file: Option<PathBuf>,
    /// Tokens of callers of the refresh endpoint must be meant for one of these audiences; empty: for the API server.
    #[arg(long, value_delimiter = ',', default_value = "strongroom")]
    pub(super) refresh_api_audience: Vec<String>,
    /// Where the audit trail goes, a JSON line for each write of a target: off, stdout, or the path of a file that is
    /// appended to.
    #[arg(long, default_value = "off")]
    pub(super) audit_log: AuditLog,
    #[command(flatten)]
    pub(super) traces: TraceArgs,
    /// Show metrics of each ExternalSecret and each store; without, only totals, so that there are as few series for ten
    /// thousand objects as for ten.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(super) enable_object_metrics: bool,
    /// Only these namespaces, separated by commas or each with a flag of its own, with watches in each; all if not given.
    #[arg(long = "namespace", value_name = "NAMESPACE", value_delimiter = ',')]
    namespaces: Vec<String>,
    /// Only stores of this class (`spec.controller`) and those of none.
    #[arg(long, default_value = "default")]
    pub(super) controller_class: String,
    /// ExternalSecrets that are worked on at once, in all.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) concurrent: u16,
    /// ExternalSecrets of one store that are worked on at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) concurrent_per_store: u16,
    /// Look after SecretStores.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(super) enable_secret_store_reconciler: bool,
    /// Look after ClusterSecretStores, and ExternalSecrets that use them.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(super) enable_cluster_store_reconciler: bool,
    /// Use only stores that are Ready.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(super) enable_flood_gate: bool,
    /// Allow targets that are not Secrets (`spec.target.manifest`). Unsafe: what is no Secret is not protected as
    /// one.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(super) unsafe_allow_generic_targets: bool,
    /// Remember in GeneratorStates what generators made, so that it can be undone.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(super) enable_generator_state: bool,
    /// How long what a generator made lives on after it was replaced.
    #[arg(long, default_value = "2m")]
    pub(super) generator_gc_grace_period: FlagDuration,
    /// What opens an action in a Go template.
    #[arg(long, default_value = "{{")]
    pub(super) template_left_delimiter: String,
    /// What closes an action in a Go template.
    #[arg(long, default_value = "}}")]
    pub(super) template_right_delimiter: String,
    /// Work only while holding a Lease, so that several controllers take turns.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(super) enable_leader_election: bool,
    /// Name of the Lease.
    #[arg(long, default_value = "external-secrets-controller")]
    pub(super) leader_election_id: String,
    /// Namespace of the Lease; the controller's own if not given.
    #[arg(long, default_value = "")]
    pub(super) leader_election_namespace: String,
    /// For so long after its last renewal nobody else takes the Lease; whole seconds.
    #[arg(long, default_value = "8s")]
    pub(super) leader_election_lease_duration: FlagDuration,
    /// A leader that cannot renew the Lease for so long ends.
    #[arg(long, default_value = "5s")]
    pub(super) leader_election_renew_deadline: FlagDuration,
    /// Time between two attempts to renew or to take the Lease.
    #[arg(long, default_value = "1s")]
    pub(super) leader_election_retry_period: FlagDuration,
    /// The only login methods that stores may use, for example `vault/kubernetes,vault/appRole`; all if not given.
    #[arg(long, value_delimiter = ',')]
    pub(super) allowed_login_methods: Vec<String>,
    /// Time between two checks of a store.
    #[arg(long, default_value = "5m")]
    pub(super) store_requeue_interval: FlagDuration,
    /// Calls a second to one store, at most: reads, writes and searches, one call for many keys counting once; 0 for as
    /// many as there are. A store's annotation `strongroom.dev/requests-per-second` says otherwise for it.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(super) store_requests_per_second: u32,
    /// The largest share of all managed Secrets that may be deleted or emptied within the window because the stores
    /// have nothing for them any more; 1 never holds.
    #[arg(long, default_value = "0.1")]
    pub(super) deletion_brake_share: Share,
    /// So many may always be, however few there are.
    #[arg(long, default_value_t = 20)]
    pub(super) deletion_brake_minimum: usize,
    /// Over how long a time they are counted.
    #[arg(long, default_value = "1h")]
    pub(super) deletion_brake_window: FlagDuration,
    /// A refresh that brings nothing new is not written into the status within so long of the last one that is.
    #[arg(long, default_value = "1m")]
    pub(super) status_time_interval: FlagDuration,
    /// Time between two looks at the metadata of the entries in use, of stores that can tell a change by it (Vault's KV
    /// version 2); 0s for none. A store's annotation `strongroom.dev/change-sweep-interval` says otherwise for it.
    #[arg(long, default_value = "0s")]
    pub(super) change_sweep_interval: FlagTime,
    /// Such looks a second, at one store as one identity.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) change_sweep_rate: u32,
    /// Listen to the changes that services tell of their own accord (Vault Enterprise's events). A store's annotation
    /// `strongroom.dev/change-events` says otherwise for it.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(super) change_events: bool,
    /// Which addresses stores may be reached at: any; no-metadata (all but link-local ones and those of cloud
    /// metadata services); public (only those of the internet).
    #[arg(long, default_value = "no-metadata")]
    pub(super) store_reach: StoreReach,
    #[command(flatten)]
    aws_endpoints: AwsEndpoints,
    #[command(flatten)]
    google_endpoints: GoogleEndpoints,
    /// Which stores may use the controller's own AWS identity, if they ask for it: nobody; cluster-stores
    /// (ClusterSecretStores); all (SecretStores and generators as well).
    #[arg(long, default_value = "nobody")]
    pub(super) lend_aws_identity: LendIdentity,
    /// Tell the last attempt in a second condition, `Synced`, and keep `Ready` while the data is fresh. Not what
    /// upstream shows; needs our CustomResourceDefinitions.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(super) enable_synced_condition: bool,
}

impl ControllerArgs {
    /// The namespaces to look after; none for all. One empty name alone is upstream's way to say all; in a list it is a
    /// mistake, which may not be taken for that.
    pub(super) fn namespaces(&self) -> anyhow::Result<&[String]> {
        match self.namespaces.as_slice() {
            [all] if all.is_empty() => Ok(&[]),
            listed if listed.iter().any(String::is_empty) => {
                anyhow::bail!("--namespace: one of the {} names is empty", listed.len())
            }
            listed => Ok(listed),
        }
    }

    /// The addresses in place of services' own, as providers look for them.
    pub(super) fn endpoints(&self) -> Endpoints {
        let Self { aws_endpoints: aws, google_endpoints: google, .. } = self;
        Endpoints::of([
            ("AWS_SECRETSMANAGER_ENDPOINT", aws.secretsmanager.clone()),
            ("AWS_SSM_ENDPOINT", aws.ssm.clone()),
            ("AWS_STS_ENDPOINT", aws.sts.clone()),
            ("AWS_ECR_ENDPOINT", aws.ecr.clone()),
            ("AWS_ECR_PUBLIC_ENDPOINT", aws.ecr_public.clone()),
            ("GOOGLE_STS_ENDPOINT", google.google_sts.clone()),
            ("GOOGLE_IAMCREDENTIALS_ENDPOINT", google.google_iam_credentials.clone()),
            ("GCE_METADATA_HOST", google.gce_metadata.clone()),
        ])
    }
}

/// Where Google Cloud's services are asked in place of their public addresses.
#[derive(Debug, Default, clap::Args)]
struct GoogleEndpoints {
    /// Address of Google's Security Token Service; Google's own if not given.
    #[arg(long = "google-sts-endpoint", env = "GOOGLE_STS_ENDPOINT", default_value = "")]
    google_sts: String,
    /// Address of Google's IAM Credentials service, which gives tokens of service accounts.
    #[arg(
        long = "google-iamcredentials-endpoint",
        env = "GOOGLE_IAMCREDENTIALS_ENDPOINT",
        default_value = ""
    )]
    google_iam_credentials: String,
    /// Host and port of Google Cloud's metadata server.
    #[arg(long = "gce-metadata-host", env = "GCE_METADATA_HOST", default_value = "")]
    gce_metadata: String,
}

/// Where AWS's services are asked in place of their public addresses, under upstream's names (spec eso-providers C.2).
#[derive(Debug, Default, clap::Args)]
struct AwsEndpoints {
    /// Address of AWS Secrets Manager; AWS's own if not given.
    #[arg(long = "aws-secretsmanager-endpoint", env = "AWS_SECRETSMANAGER_ENDPOINT", default_value = "")]
    secretsmanager: String,
    /// Address of AWS Systems Manager, which holds the Parameter Store.
    #[arg(long = "aws-ssm-endpoint", env = "AWS_SSM_ENDPOINT", default_value = "")]
    ssm: String,
    /// Address of AWS STS, which gives temporary credentials.
    #[arg(long = "aws-sts-endpoint", env = "AWS_STS_ENDPOINT", default_value = "")]
    sts: String,
    /// Address of AWS's private container registries.
    #[arg(long = "aws-ecr-endpoint", env = "AWS_ECR_ENDPOINT", default_value = "")]
    ecr: String,
    /// Address of AWS's public container registry.
    #[arg(long = "aws-ecr-public-endpoint", env = "AWS_ECR_PUBLIC_ENDPOINT", default_value = "")]
    ecr_public: String,
}

/// [`Lent`], as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LendIdentity {
    Nobody,
    ClusterStores,
    All,
}

impl LendIdentity {
    /// The identity, taken from the environment only where it is lent.
    pub(super) fn identity(self) -> OwnIdentity {
        const NAMES: [&str; 5] = [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_ROLE_ARN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        ];
        let lent = match self {
            Self::Nobody => return OwnIdentity::default(),
            Self::ClusterStores => Lent::ClusterStores,
            Self::All => Lent::All,
        };
        let value = |name| Some((name, SecretBytes::from(std::env::var_os(name)?.into_string().ok()?)));
        OwnIdentity::of(lent, NAMES.into_iter().filter_map(value))
    }
}

/// [`Reach`], as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum StoreReach {
    Any,
    NoMetadata,
    Public,
}

impl From<StoreReach> for Reach {
    fn from(reach: StoreReach) -> Self {
        match reach {
            StoreReach::Any => Self::Any,
            StoreReach::NoMetadata => Self::NoMetadata,
            StoreReach::Public => Self::Public,
        }
    }
}

/// An address as Go writes it: `:8080` is every interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListenAddress(pub(super) SocketAddr);

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
        full.parse().map(Self).map_err(|_| format!("{text:?} is not an address like :8080 or 127.0.0.1:8080"))
    }
}

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share(pub(super) f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).ok_or_else(|| format!("{text:?} is not a number from 0 to 1"))
    }
}

/// A positive duration as Go writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlagDuration(pub(super) Duration);

impl FromStr for FlagDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let duration: GoDuration = text.parse().map_err(|error| format!("{error}"))?;
        let positive = duration.as_std().filter(|duration| !duration.is_zero());
        positive.map(Self).ok_or_else(|| format!("{text:?} is not a positive duration"))
    }
}

/// A duration as Go writes it, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlagTime(pub(super) Duration);

impl FromStr for FlagTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let duration: GoDuration = text.parse().map_err(|error| format!("{error}"))?;
        duration.as_std().map(Self).ok_or_else(|| format!("{text:?} is negative"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gos_ways_of_writing_are_understood() {
        let args = [
            "strongroom",
            "controller",
            "--metrics-addr=:9000",
            "--enable-flood-gate=false",
            "--store-requeue-interval=1m30s",
        ];
        let Command::Controller(args) = Args::try_parse_from(args).unwrap().command else { panic!() };
        assert_eq!(args.metrics_addr.0, "0.0.0.0:9000".parse().unwrap());
        assert!(!args.enable_flood_gate && args.enable_secret_store_reconciler);
        assert_eq!(args.store_requeue_interval.0, Duration::from_secs(90));
    }

    #[test]
    fn namespaces_come_in_a_list_or_one_by_one() {
        let namespaces = |flags: &[&str]| {
            let args = ["strongroom", "controller"].iter().chain(flags);
            let Command::Controller(args) = Args::try_parse_from(args).unwrap().command else { panic!() };
            args.namespaces().map(<[String]>::to_vec).map_err(|error| error.to_string())
        };
        let all: Vec<String> = Vec::new();
        assert_eq!(namespaces(&[]), Ok(all.clone()));
        assert_eq!(namespaces(&["--namespace="]), Ok(all));
        assert_eq!(namespaces(&["--namespace", "a"]), Ok(vec!["a".to_owned()]));
        let three = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(namespaces(&["--namespace=a,b", "--namespace", "c"]), Ok(three));
        for bad in ["--namespace=a,", "--namespace=,"] {
            assert_eq!(namespaces(&[bad]), Err("--namespace: one of the 2 names is empty".to_owned()));
        }
    }

    #[test]
    fn unknown_flags_and_bad_values_are_refused() {
        for bad in [
            "--nonsense",
            "--metrics-addr=nowhere",
            "--store-requeue-interval=0s",
            "--loglevel=loud",
            "--deletion-brake-share=2",
        ] {
            assert!(Args::try_parse_from(["strongroom", "controller", bad]).is_err(), "{bad}");
        }
    }
}
