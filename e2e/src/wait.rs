//! Waiting for something to become true, by looking again and again, and saying why it did not.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a story waits for a step that should take a second or two. Generous, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_mins(2);

const PAUSE: Duration = Duration::from_millis(200);

/// Looks until `look` succeeds and gives its result. An error of `look` means "not yet, because"; the last one is told
/// when `patience` has run out.
pub async fn until<T>(what: &str, patience: Duration, mut look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(reason) if start.elapsed() >= patience => {
                bail!("waited {} s for {what}: {reason:#}", patience.as_secs())
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// [`until`] with [`PATIENCE`].
pub async fn soon<T>(what: &str, look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    until(what, PATIENCE, look).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_ends_with_the_first_success() {
        let mut looks = 0;
        let found = soon("the third look", async || {
            looks += 1;
            anyhow::ensure!(looks == 3, "look {looks}");
            Ok(looks)
        })
        .await;
        assert_eq!(found.unwrap(), 3);
    }

    #[tokio::test]
    async fn waiting_in_vain_tells_the_last_reason() {
        let outcome: Result<()> = until("a miracle", Duration::ZERO, async || bail!("none today")).await;
        assert_eq!(outcome.unwrap_err().to_string(), "waited 0 s for a miracle: none today");
    }
}
