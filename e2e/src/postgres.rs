//! PostgreSQL as its administrator and its users see it: who may log in, and how many roles there are.

use anyhow::{Context, Result};
use tokio_postgres::{Client, Config, NoTls};

use crate::testbed::PostgresAccess;

/// The test bed's PostgreSQL.
#[derive(Clone, Debug)]
pub struct Postgres {
    access: PostgresAccess,
}

impl Postgres {
    /// The server of a test bed.
    pub fn at(access: &PostgresAccess) -> Self {
        Self { access: access.clone() }
    }

    /// Logs in as `user` and asks who that is.
    ///
    /// # Errors
    /// A refused login among others.
    pub async fn log_in(&self, user: &str, password: &str) -> Result<()> {
        let client = self.connect(user, password).await?;
        let row = client.query_one("SELECT current_user::text", &[]).await?;
        anyhow::ensure!(row.try_get::<_, String>(0)? == user, "logged in as somebody else");
        Ok(())
    }

    /// How many roles Vault has made for its database role `role`, whose name has eight characters at most: no more of
    /// it gets into the names that Vault makes up.
    pub async fn roles_of(&self, role: &str) -> Result<i64> {
        let client = self.connect(&self.access.user, &self.access.password).await?;
        let pattern = format!("v-%-{role}-%");
        let row =
            client.query_one("SELECT count(*) FROM pg_roles WHERE rolname LIKE $1", &[&pattern]).await?;
        Ok(row.try_get(0)?)
    }

    /// Makes a user who is not Vault's yet.
    pub async fn create_user(&self, name: &str) -> Result<()> {
        let client = self.connect(&self.access.user, &self.access.password).await?;
        client.batch_execute(&format!("CREATE ROLE \"{name}\" WITH LOGIN")).await?;
        Ok(())
    }

    async fn connect(&self, user: &str, password: &str) -> Result<Client> {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.access.port).dbname(&self.access.database);
        config.user(user).password(password);
        let (client, connection) =
            config.connect(NoTls).await.with_context(|| format!("PostgreSQL, as {user}"))?;
        // It ends with the client.
        tokio::spawn(connection);
        Ok(client)
    }
}
