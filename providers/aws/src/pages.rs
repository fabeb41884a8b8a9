//! Searches whose answers come in pages.

use std::collections::HashSet;

use futures::stream::{self, BoxStream, TryStreamExt as _};
use strongroom_provider_api::{Error, ErrorKind, Listed, Result};

/// One page of a search.
pub(crate) struct Page {
    pub(crate) entries: Vec<Listed>,
    /// What the next page is asked with; none, or an empty one, after the last.
    pub(crate) next: Option<String>,
}

/// The entries of all pages. `fetch` gets what the page is to be asked with: nothing for the first.
pub(crate) fn all<'a, F>(
    fetch: impl Fn(Option<String>) -> F + Send + Sync + 'a,
) -> BoxStream<'a, Result<Listed>>
where
    F: Future<Output = Result<Page>> + Send + 'a,
{
    let begin = Some((None, HashSet::new()));
    let pages = stream::try_unfold((begin, fetch), |(state, fetch)| async move {
        let Some((token, mut seen)) = state else { return Ok::<_, Error>(None) };
        let page = fetch(token).await?;
        let next = page.next.filter(|token| !token.is_empty());
        if next.as_ref().is_some_and(|token| !seen.insert(token.clone())) {
            let message = "the service gives the same page over and over";
            return Err(Error::new(ErrorKind::InvalidPayload, "list", message));
        }
        let state = next.map(|token| (Some(token), seen));
        Ok(Some((stream::iter(page.entries.into_iter().map(Ok)), (state, fetch))))
    });
    Box::pin(pages.try_flatten())
}

#[cfg(test)]
mod tests {
    use strongroom_provider_api::RemoteKey;

    use super::*;

    fn page(name: &str, next: Option<&str>) -> Page {
        let entries = vec![Listed { name: name.to_owned(), key: RemoteKey::latest(name) }];
        Page { entries, next: next.map(ToOwned::to_owned) }
    }

    #[tokio::test]
    async fn pages_follow_each_other_until_there_is_no_token() {
        let found = all(|token| async move {
            Ok(match token.as_deref() {
                None => page("a", Some("1")),
                Some("1") => Page { entries: Vec::new(), next: Some("2".to_owned()) },
                _ => page("b", Some("")),
            })
        });
        let names: Vec<_> = found.map_ok(|listed| listed.name).try_collect().await.unwrap();
        assert_eq!(names, ["a", "b"]);
    }

    #[tokio::test]
    async fn a_search_that_goes_round_in_circles_ends() {
        let found = all(|_| async { Ok(page("a", Some("1"))) });
        let error = found.try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPayload);
    }
}
