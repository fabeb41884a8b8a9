//! How leases end: with their object, by a user's deletion of the record, or by Vault's refusal to go on.

use std::time::Duration;

use anyhow::{Result, ensure};
use http::Method;
use serde_json::json;
use strongroom_e2e::{cluster::Kind, wait::soon};

use crate::leased::Leased;

#[tokio::test]
async fn credentials_end_with_their_object() -> Result<()> {
    let leased = Leased::begin("leases-deleted", ("1h", "2h"), ("1h", "leases")).await?;
    let controller = leased.controller("one").await?;
    leased.external_secret("app", "1h").await?;
    leased.external_secret("other", "1h").await?;
    let held = leased.works("app").await?;
    let other = leased.works("other").await?;
    leased.left(2).await?;
    leased.story.delete(Kind::ExternalSecret, "app").await?;
    leased.left(1).await?;
    assert!(leased.postgres.log_in(&held.user, &held.password).await.is_err(), "it still works");
    leased.postgres.log_in(&other.user, &other.password).await?;
    soon("the record to go", async || {
        let records = leased.records().await?;
        ensure!(records.len() == 1, "{} records", records.len());
        Ok(())
    })
    .await?;
    drop(controller);
    leased.story.end().await
}

#[tokio::test]
async fn a_lease_that_vault_ended_is_replaced_when_its_renewal_is_refused() -> Result<()> {
    let leased = Leased::begin("leases-refused", ("9s", "1h"), ("1h", "leases")).await?;
    let controller = leased.controller("one").await?;
    leased.external_secret("app", "1h").await?;
    let first = leased.works("app").await?;
    let revoke = format!("sys/leases/revoke-prefix/database/creds/{}", leased.role);
    leased.story.vault.request(Method::PUT, &revoke, Some(&json!({}))).await?;
    let second = leased.others("app", &first).await?;
    leased.postgres.log_in(&second.user, &second.password).await?;
    leased.left(1).await?;
    drop(controller);
    leased.story.end().await
}

#[tokio::test]
async fn a_record_whose_service_is_gone_does_not_hold_up_the_end_of_its_namespace() -> Result<()> {
    let leased = Leased::begin("leases-gone", ("20s", "1h"), ("1h", "leases")).await?;
    let controller = leased.controller("one").await?;
    leased.external_secret("app", "1h").await?;
    leased.works("app").await?;
    // Nobody can log in any more, so nothing can be revoked by us.
    let role = format!("auth/kubernetes/role/{}", leased.story.namespace);
    leased.story.vault.request(Method::DELETE, &role, None).await?;
    drop(controller);
    let controller = leased.controller("two").await?;
    leased.story.delete(Kind::ExternalSecret, "app").await?;
    // The lease must have ended by itself: twenty seconds, and half a minute for clocks that differ.
    strongroom_e2e::wait::until("the record to go", Duration::from_mins(3), async || {
        let records = leased.records().await?;
        ensure!(records.is_empty(), "{} records", records.len());
        Ok(())
    })
    .await?;
    drop(controller);
    leased.story.end().await
}

#[tokio::test]
async fn where_the_login_cannot_be_kept_alive_others_take_the_place_in_time_and_the_record_says_why()
-> Result<()> {
    let leased = Leased::begin("leases-parent", ("40s", "1h"), ("90s", "plain-leases")).await?;
    let controller = leased.controller("one").await?;
    leased.external_secret("app", "1h").await?;
    let first = leased.works("app").await?;
    // The next process did not make the login, and may not renew it by its accessor.
    controller.kill()?;
    let controller = leased.controller("two").await?;
    let mut said = String::new();
    let second = soon("other credentials", async || {
        for record in leased.records().await? {
            let message = record["status"]["conditions"][0]["message"].as_str().unwrap_or_default();
            if message.contains("auth/token/renew-accessor") {
                message.clone_into(&mut said);
            }
        }
        let held = leased.credentials("app").await?;
        leased.postgres.log_in(&held.user, &held.password).await?;
        ensure!(held != first, "still the first");
        Ok(held)
    })
    .await?;
    assert!(!said.is_empty(), "no record said which right would have avoided this");
    leased.postgres.log_in(&second.user, &second.password).await?;
    drop(controller);
    leased.story.end().await
}
