//! The Helm chart: it renders, the API server accepts it, and a controller with exactly its rights does its work.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use strongroom_e2e::{
    audit::ApiRequest,
    chart::{Release, helm},
    cluster::Kind,
    controller::{Account, Controller},
    manifests::{self, ExternalSecret},
    observed::text_data,
    schemas::Schemas,
    story::{STORE, Story, TOKEN_SECRET},
    wait::soon,
};

/// Everything that can be switched on.
const EVERYTHING: &str = r#"{
    "replicaCount": 2, "commonLabels": { "team": "platform" }, "controllerClass": "blue",
    "genericTargets": { "enabled": true, "resources": [
        { "apiGroup": "networking.k8s.io", "resources": ["networkpolicies"], "verbs": ["get", "list", "watch"] }] },
    "extraArgs": { "enable-synced-condition": null, "template-left-delimiter": "[[" },
    "extraEnv": [{ "name": "HTTPS_PROXY", "value": "http://proxy.example.test:3128" }],
    "extraVolumes": [{ "name": "ca", "configMap": { "name": "ca" } }],
    "extraVolumeMounts": [{ "name": "ca", "mountPath": "/etc/ssl/extra" }],
    "extraObjects": [{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "{{ .Release.Name }}-extra" } }],
    "serviceAccount": { "annotations": { "example.com/role": "reader" }, "extraLabels": { "use": "identity" } },
    "podLabels": { "use": "identity" }, "podAnnotations": { "example.com/note": "two words" },
    "deploymentAnnotations": { "example.com/note": "two words" }, "imagePullSecrets": [{ "name": "registry" }],
    "metrics": { "service": { "enabled": true, "annotations": { "prometheus.io/scrape": "true" } } },
    "networkPolicy": { "enabled": true, "metricsFrom": [{ "namespaceSelector": {} }],
        "egress": [{ "ports": [{ "port": 443, "protocol": "TCP" }] }] },
    "refreshApi": { "enabled": true, "tls": { "secretName": "refresh-tls" } },
    "changes": { "sweepInterval": "30s", "sweepRate": 50, "events": true },
    "log": { "levelConfigMap": true }, "audit": { "log": "stdout" },
    "tracing": { "endpoint": "http://collector.example.test:4318", "sampleRatio": 0.5, "headersSecret": { "name": "collector" } },
    "grafanaDashboard": { "enabled": true },
    "validatingAdmissionPolicy": { "enabled": true, "failurePolicy": "Ignore", "validationActions": ["Warn", "Audit"] },
    "podDisruptionBudget": { "enabled": true }, "nodeSelector": { "kubernetes.io/os": "linux" },
    "tolerations": [{ "operator": "Exists" }], "priorityClassName": "system-cluster-critical",
    "affinity": { "podAntiAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [] } },
    "topologySpreadConstraints": [{ "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway" }],
    "dnsConfig": { "options": [{ "name": "ndots", "value": "1" }] },
    "hostAliases": [{ "ip": "127.0.0.1", "hostnames": ["vault.example.test"] }],
    "extraContainers": [{ "name": "beside", "image": "example.test/beside" }],
    "extraInitContainers": [{ "name": "before", "image": "example.test/before" }],
    "podSpecExtra": { "enableServiceLinks": false },
    "webhook": { "create": false }, "certController": { "create": false }
}"#;

const SCOPED: &str = r#"{ "refreshApi": { "enabled": true }, "scopedNamespace": "NAMESPACE", "scopedRBAC": true, "installCRDs": false }"#;

/// Two namespaces.
const SEVERAL: &str =
    r#"{ "scopedNamespaces": ["NAMESPACE", "NAMESPACE-b"], "scopedRBAC": true, "installCRDs": false }"#;

/// The story's values as a file for `--values`.
fn values(story: &Story, name: &str, values: &str) -> Result<String> {
    let path = story.testbed.run_dir.join(format!("{}-{name}.json", story.namespace));
    std::fs::write(&path, values.replace("NAMESPACE", &story.namespace))?;
    Ok(path.to_string_lossy().into_owned())
}

/// The flags of the chart's controller, without the addresses.
async fn flags(story: &Story, release: &Release) -> Result<Vec<String>> {
    let objects = release.objects(&story.cluster).await?;
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").context("no Deployment")?;
    let flags = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array();
    let flags = flags.context("no arguments")?.iter().filter_map(Value::as_str);
    let (command, flags): (Vec<_>, Vec<_>) = flags.partition(|flag| !flag.starts_with("--"));
    ensure!(command == ["controller"], "{command:?}");
    let addresses = ["--metrics-addr=", "--live-addr=", "--refresh-api-addr="];
    let is_address = |flag: &str| addresses.iter().any(|address| flag.starts_with(address));
    Ok(flags.into_iter().filter(|flag| !is_address(flag)).map(ToOwned::to_owned).collect())
}

#[tokio::test]
async fn what_the_chart_renders_is_accepted_whatever_is_switched_on() -> Result<()> {
    let story = Story::begin_alone("chart-values").await?;
    story.create_namespace(&format!("{}-b", story.namespace)).await?;
    let chart = story.testbed.chart.to_string_lossy().into_owned();
    let schemas = Schemas::of(&story.testbed, &story.cluster, "schemas").await?;
    for (name, text) in
        [("default", "{}"), ("everything", EVERYTHING), ("scoped", SCOPED), ("several", SEVERAL)]
    {
        let values = values(&story, name, text)?;
        let (good, said) = helm(&story.testbed, &["lint", "--strict", &chart, "--values", &values]).await?;
        ensure!(good, "{name}: {said}");
        let release = Release::render(&story.testbed, name, &story.namespace, &["--values", &values]).await?;
        release.apply(&story.cluster, &["--dry-run=server", "--force-conflicts"]).await?;
        let rendered = std::fs::read_to_string(&release.manifests)?;
        ensure!(!rendered.contains("'*'") && !rendered.contains("\"*\""), "{name}: a wildcard");
        let (good, said) = schemas.judge(&release.manifests).await?;
        ensure!(good, "{name}: {said}");
        // A judge that lets everything pass is none.
        let wrong = rendered.replace("serviceAccountName:", "serviceAcountName:");
        let file = story.testbed.run_dir.join(format!("{}-{name}-wrong.yaml", story.namespace));
        std::fs::write(&file, wrong)?;
        let (good, said) = schemas.judge(&file).await?;
        ensure!(!good && said.contains("serviceAcountName"), "{name}: {said}");
    }
    story.end().await
}

#[tokio::test]
async fn the_manifests_for_those_without_helm_are_accepted_as_they_are() -> Result<()> {
    let story = Story::begin_alone("chart-plain").await?;
    let plain = Release { manifests: story.testbed.chart.join("../../deploy/strongroom.yaml") };
    let objects = plain.objects(&story.cluster).await?;
    let kinds: Vec<_> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    for kind in ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Deployment"] {
        ensure!(kinds.contains(&kind), "no {kind}: {kinds:?}");
    }
    let schemas = Schemas::of(&story.testbed, &story.cluster, "schemas-plain").await?;
    let (good, said) = schemas.judge(&plain.manifests).await?;
    ensure!(good, "{said}");
    // A dry run makes no namespace for the others to be in.
    let text = std::fs::read_to_string(&plain.manifests)?;
    let here = text.replace("external-secrets\n", &format!("{}\n", story.namespace));
    let here = here.split_once("\n---\n").context("one document")?.1;
    let file = story.testbed.run_dir.join(format!("{}.yaml", story.namespace));
    std::fs::write(&file, here)?;
    Release { manifests: file }.apply(&story.cluster, &["--dry-run=server", "--force-conflicts"]).await?;
    story.end().await
}

#[tokio::test]
async fn a_wrong_value_is_named() -> Result<()> {
    let story = Story::begin_alone("chart-refused").await?;
    let chart = story.testbed.chart.to_string_lossy().into_owned();
    for (value, names) in [
        ("log.level=loud", "level"),
        ("concurent=3", "concurent"),
        ("deletionBrake.share=2", "share"),
        ("changes.sweepInterval=soon", "sweepInterval"),
        ("storeRequeueInterval=soon", "storeRequeueInterval"),
        ("scopedRBAC=true", "scopedNamespace"),
        ("scopedNamespaces={a\\,b}", "scopedNamespaces"),
        ("leaderElect=false,replicaCount=2", "leaderElect"),
        ("tracing.endpoint=collector:4318", "endpoint"),
    ] {
        let (good, said) = helm(&story.testbed, &["template", "x", &chart, "--set", value]).await?;
        assert!(!good && said.contains(names), "{value}: {said}");
    }
    story.end().await
}

#[tokio::test]
async fn a_controller_with_exactly_the_charts_rights_does_its_work() -> Result<()> {
    does_its_work("chart-cluster", r#"{ "installCRDs": false }"#).await
}

#[tokio::test]
async fn with_rights_in_one_namespace_it_does_its_work_there() -> Result<()> {
    does_its_work("chart-scoped", SCOPED).await
}

#[tokio::test]
async fn of_three_namespaces_two_are_served_and_the_third_is_never_looked_at() -> Result<()> {
    let story = Story::begin_alone("chart-several").await?;
    let [second, third] = ["b", "c"].map(|name| format!("{}-{name}", story.namespace));
    let served = [story.namespace.as_str(), &second];
    story.create_namespace(&second).await?;
    story.create_namespace(&third).await?;
    let values = values(&story, "several", SEVERAL)?;
    let release =
        Release::render(&story.testbed, &story.namespace, &story.namespace, &["--values", &values]).await?;
    release.apply(&story.cluster, &[]).await?;
    let kinds: Vec<Value> =
        release.objects(&story.cluster).await?.iter().map(|object| object["kind"].clone()).collect();
    let count = |kind: &str| kinds.iter().filter(|found| *found == kind).count();
    // Each has one for the controller, and its own has one more, for the election.
    assert_eq!((count("Role"), count("RoleBinding"), count("ClusterRoleBinding")), (3, 3, 0), "{kinds:?}");

    let account =
        Account { namespace: story.namespace.clone(), name: format!("{}-strongroom", story.namespace) };
    let audit = story.api_audit()?;
    let flags = flags(&story, &release).await?;
    let flags: Vec<_> =
        flags.iter().map(String::as_str).chain(["--controller-class", &story.class]).collect();
    story.write("app", &json!({ "user": "admin" })).await?;
    for namespace in [served[0], &second, &third] {
        app_in(&story, namespace).await?;
    }
    let controller = Controller::start_as(&story.testbed, &story.cluster, &account, &flags).await?;
    for namespace in served {
        holds(&story, namespace, "admin").await?;
    }
    // Each of them is watched: what is edited by hand is repaired.
    for namespace in served {
        let edit = json!({ "stringData": { "user": "mallory" } });
        story.cluster.patch(Kind::Secret, namespace, "app", &edit).await?;
    }
    for namespace in served {
        holds(&story, namespace, "admin").await?;
    }
    assert_eq!(story.cluster.find(Kind::Secret, &third, "app").await?, None);
    let left = story.cluster.get(Kind::ExternalSecret, &third, "app").await?;
    assert_eq!(left["status"], Value::Null, "{left}");

    let requests = audit.api_requests(&story.cluster, &story.namespace).await?;
    let own: Vec<_> = requests.iter().filter(|request| request.user == controller.user).collect();
    assert!(own.iter().any(|request| request.namespace == second), "{own:?}");
    let elsewhere = |request: &&&ApiRequest| {
        !request.resource.is_empty() && !served.contains(&request.namespace.as_str())
    };
    let elsewhere: Vec<_> = own.iter().filter(elsewhere).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    let denied: Vec<_> = own.iter().filter(|request| request.code == 403).collect();
    assert!(denied.is_empty(), "{denied:?}");
    drop(controller);
    release.delete(&story.cluster).await?;
    story.end().await
}

/// A store and the object `app`, which takes the story's key of that name.
async fn app_in(story: &Story, namespace: &str) -> Result<()> {
    let login = manifests::token_login(TOKEN_SECRET);
    let provider = manifests::vault_v2(story.vault.address(), "secret", &login);
    for manifest in [
        manifests::secret(TOKEN_SECRET, "token", story.vault.token()),
        manifests::secret_store(STORE, &story.class, &provider),
        ExternalSecret::from_store("app", STORE).every("1h").extracts(&story.key("app")).manifest(),
    ] {
        story.cluster.create(namespace, &manifest).await?;
    }
    Ok(())
}

async fn holds(story: &Story, namespace: &str, user: &str) -> Result<()> {
    soon(&format!("Secret app in {namespace}"), async || {
        let held = text_data(&story.cluster.get(Kind::Secret, namespace, "app").await?)?;
        ensure!(held.get("user").is_some_and(|held| held == user), "it holds {held:?}");
        Ok(())
    })
    .await
}

/// Installs the chart and runs the controller as its Deployment would.
async fn does_its_work(title: &str, text: &str) -> Result<()> {
    let story = Story::begin_alone(title).await?;
    let (values, class) = (values(&story, "installed", text)?, format!("controllerClass={}", story.class));
    let arguments = ["--values", &values, "--set", &class];
    let release = Release::render(&story.testbed, &story.namespace, &story.namespace, &arguments).await?;
    release.apply(&story.cluster, &[]).await?;
    let account =
        Account { namespace: story.namespace.clone(), name: format!("{}-strongroom", story.namespace) };
    let audit = story.api_audit()?;
    let flags = flags(&story, &release).await?;
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let controller = Controller::start_as(&story.testbed, &story.cluster, &account, &flags).await?;

    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    let app = ExternalSecret::from_store("app", "store").every("1s").extracts(&story.key("app"));
    story.external_secret(app.target(json!({ "deletionPolicy": "Delete" }))).await?;
    story.synced("app").await?;
    story.event("app", "Created").await?;
    story.write("app", &json!({ "user": "root" })).await?;
    story.secret_with("app", &[("user", "root")]).await?;
    story.delete(Kind::ExternalSecret, "app").await?;
    story.gone(Kind::Secret, "app").await?;

    let requests = audit.api_requests(&story.cluster, &story.namespace).await?;
    let own: Vec<_> = requests.iter().filter(|request| request.user == controller.user).collect();
    assert!(own.iter().any(|request| request.resource == "externalsecrets/status"), "{own:?}");
    // In a namespace of another story that is going, nobody may create anything.
    let ours = |request: &&&ApiRequest| request.namespace.is_empty() || request.namespace == story.namespace;
    let denied: Vec<_> = own.iter().filter(ours).filter(|request| request.code == 403).collect();
    assert!(denied.is_empty(), "{title}: {denied:?}");
    drop(controller);
    release.delete(&story.cluster).await?;
    story.end().await
}
