//! User-visible stories, one file each, told against a real cluster and a real Vault.
//!
//! They need a running test bed. `cargo xtask test` makes one and runs them. To keep one and run a single story:
//! `cargo xtask testbed`, set `STRONGROOM_TESTBED` to the file it names, then
//! `cargo test --package strongroom-e2e --features testbed -- story_name`.
//!
//! Most stories share one controller and run side by side, each in a namespace of its own. Stories that stop a controller
//! or count its requests start their own, with a controller class that only their own stores name.

#![expect(clippy::indexing_slicing, reason = "indexing JSON gives null for what is absent")]

mod admission;
mod admission_policies;
mod audit_trail;
mod aws;
mod aws_calls;
mod bad_duration;
mod bad_entry;
mod bad_store;
mod brake;
mod canary;
mod certificates;
mod changes;
mod chart;
mod crd_store;
mod definitions;
mod deletion;
mod docs;
mod drift;
mod engines;
mod exact;
mod folders;
mod force_sync;
mod generator_states;
mod generators;
mod generic;
mod hostile_server;
mod image;
mod keep_previous;
mod kubernetes_store;
mod leaders;
mod leased;
mod leases_end;
mod leases_policy;
mod leases_restart;
mod leases_rotation;
mod limits;
mod logins;
mod many_readers;
mod monitoring;
mod near_names;
mod outage;
mod pause;
mod poison;
mod policies;
mod references;
mod refresh;
mod requests;
mod restart;
mod restarts;
mod restarts_crash;
mod scale;
mod sealed_vault;
mod second_cluster;
mod static_roles;
mod status;
mod store_conditions;
mod stub_vault;
mod swap;
mod sync;
mod sync_policies;
mod templates;
mod throttled;
mod tls;
mod traces;
mod vault_tokens;
mod webhook_generator;
mod webhook_store;
mod what_sync_shows;
