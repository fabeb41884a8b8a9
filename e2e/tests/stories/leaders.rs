//! Two controllers of one class: one works at a time, and the other takes over when it is killed or stopped.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use strongroom_e2e::{
    audit::{ApiRequest, AuditLog},
    chart::Release,
    cluster::Kind,
    controller::{Account, Controller},
    manifests::ExternalSecret,
    story::Story,
    wait::soon,
};

pub(crate) const LEASE: &str = "story";

/// A candidate. All of a story's share one account, as the replicas of a Deployment do.
async fn candidate(story: &Story, role: &str) -> Result<Controller> {
    candidate_with(story, role, &[]).await
}

/// The same, with further arguments on its command line.
pub(crate) async fn candidate_with(story: &Story, role: &str, arguments: &[&str]) -> Result<Controller> {
    let namespace = format!("--leader-election-namespace={}", story.namespace);
    let lease = format!("--leader-election-id={LEASE}");
    let election = ["--enable-leader-election", &lease, &namespace, "--status-time-interval=1ms"];
    story.controller_with(role, &[&election, arguments].concat()).await
}

/// Gives the controllers of the story what the chart gives for an election in its namespace: the rights, and the Secret
/// for the names of their logins.
pub(crate) async fn allow_leases(story: &Story) -> Result<()> {
    let id = format!("--set=leaderElectionID={LEASE}");
    let shown = ["rbac-leaderelection", "logins"].map(|it| format!("--show-only=templates/{it}.yaml"));
    let [rights, logins] = &shown;
    let release =
        Release::render(&story.testbed, "strongroom", &story.namespace, &[&id, rights, logins]).await?;
    release.apply(&story.cluster, &[]).await?;
    let role = "strongroom-leaderelection";
    story
        .create(&json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "candidates" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group",
            "name": format!("system:serviceaccounts:{}", Account::NAMESPACE) }] }))
        .await?;
    Ok(())
}

/// Who writes into the story's namespace, in the order of the writes; leases apart, and events, which come afterwards.
fn writers(requests: &[ApiRequest], story: &Story) -> Vec<String> {
    let own = requests.iter().filter(|request| {
        request.namespace == story.namespace
            && request.writes()
            && !["leases", "events"].contains(&request.resource.as_str())
            && request.user.contains(&story.namespace)
    });
    let mut writers: Vec<_> = own.map(|request| request.user.clone()).collect();
    writers.dedup();
    writers
}

pub(crate) async fn leads(controller: &Controller) -> Result<()> {
    soon(&format!("{} to lead", controller.user), async || {
        ensure!(controller.metric("strongroom_leads").await? > 0.0, "it waits");
        Ok(())
    })
    .await
}

/// A new value arrives; gives after how many seconds.
async fn arrives(story: &Story, value: &str) -> Result<f64> {
    let begun = Instant::now();
    story.write("app", &json!({ "user": value })).await?;
    story.secret_with("app", &[("user", value)]).await?;
    Ok(begun.elapsed().as_secs_f64())
}

#[tokio::test]
async fn one_of_two_works_and_the_other_takes_over() -> Result<()> {
    let story = Story::begin_alone("leaders").await?;
    allow_leases(&story).await?;
    let audit: AuditLog = story.api_audit()?;
    let first = candidate(&story, "first").await?;
    leads(&first).await?;
    let second = candidate(&story, "second").await?;

    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    let app = ExternalSecret::from_store("app", "store").every("1s").extracts(&story.key("app"));
    story.external_secret(app).await?;
    story.synced("app").await?;
    story.refreshed("app", 3).await?;
    ensure!(second.metric("strongroom_leads").await? == 0.0, "both lead");
    let requests = audit.api_requests(&story.cluster, &story.namespace).await?;
    assert_eq!(writers(&requests, &story), std::slice::from_ref(&first.user), "only the leader writes");

    let killed = first.user.clone();
    first.kill()?;
    let after_kill = arrives(&story, "after-kill").await?;
    leads(&second).await?;

    let third = candidate(&story, "third").await?;
    story.refreshed("app", 1).await?;
    let stopped = second.user.clone();
    // Dropping it stops it in good order, and waits for its end.
    tokio::task::spawn_blocking(move || drop(second)).await?;
    let after_stop = arrives(&story, "after-stop").await?;
    leads(&third).await?;
    eprintln!("without a leader: {after_kill:.1} s after a kill, {after_stop:.1} s after a stop");

    let requests = audit.api_requests(&story.cluster, &story.namespace).await?;
    assert_eq!(writers(&requests, &story), [killed, stopped, third.user.clone()], "one after the other");
    let lease = story.get(Kind::Lease, LEASE).await?;
    let holder = lease["spec"]["holderIdentity"].as_str().context("nobody holds the Lease")?;
    ensure!(!holder.is_empty() && lease["spec"]["leaseTransitions"] == 2, "{lease}");
    drop(third);
    let lease = story.get(Kind::Lease, LEASE).await?;
    assert_eq!(lease["spec"]["holderIdentity"], "", "given back");
    story.end().await
}
