//! Tests of the session with a fake login and a clock that is turned by hand.

use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicI64, AtomicUsize};

use futures::future::join_all;
use strongroom_provider_api::SecretBytes;

use super::*;

#[derive(Debug, Default)]
struct TurnedClock(AtomicI64);

impl Clock for TurnedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

#[derive(Default)]
struct FakeLogin {
    logins: AtomicUsize,
    renewals: AtomicUsize,
    revoked: StdMutex<Vec<String>>,
    refuse_login: StdMutex<Option<ErrorKind>>,
    refuse_renewal: StdMutex<Option<ErrorKind>>,
    renewed_life: StdMutex<Option<Duration>>,
    not_renewable: bool,
    irrevocable: bool,
    /// The service's own limit: seconds from a login after which renewal adds nothing.
    max_life: Option<i64>,
    clock: StdMutex<Option<Arc<TurnedClock>>>,
    last_login: AtomicI64,
}

impl FakeLogin {
    fn now(&self) -> i64 {
        self.clock.lock().unwrap().as_ref().map_or(0, |clock| clock.0.load(Ordering::SeqCst))
    }
}

const LIFE: Duration = Duration::from_mins(5);

#[async_trait]
impl Login for Arc<FakeLogin> {
    async fn login(&self) -> Result<Token> {
        let number = self.logins.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        if let Some(kind) = *self.refuse_login.lock().unwrap() {
            return Err(Error::new(kind, "log in", "refused").with_retry_after(LIFE));
        }
        self.last_login.store(self.now(), Ordering::SeqCst);
        let token = token(&format!("t{number}")).living(LIFE, !self.not_renewable);
        Ok(if self.irrevocable { token.irrevocable() } else { token })
    }

    async fn renew(&self, token: &Token) -> Result<Token> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if let Some(kind) = *self.refuse_renewal.lock().unwrap() {
            return Err(Error::new(kind, "renew", "refused"));
        }
        let left = self.max_life.map(|most| self.last_login.load(Ordering::SeqCst) + most - self.now());
        let left = left.map(|left| Duration::from_secs(left.max(1).unsigned_abs()));
        let life = self.renewed_life.lock().unwrap().unwrap_or(LIFE);
        Ok(token.clone().living(left.map_or(life, |left| left.min(life)), true))
    }

    async fn revoke(&self, token: &Token) {
        self.revoked.lock().unwrap().push(token.expose().to_owned());
    }
}

struct Bench {
    login: Arc<FakeLogin>,
    clock: Arc<TurnedClock>,
    session: Session<Arc<FakeLogin>>,
}

impl Bench {
    fn new(login: FakeLogin) -> Self {
        let login = Arc::new(login);
        let clock = Arc::new(TurnedClock::default());
        *login.clock.lock().unwrap() = Some(Arc::clone(&clock));
        let session = Session::new(Arc::clone(&login), Arc::clone(&clock) as Arc<dyn Clock>);
        Self { login, clock, session }
    }

    fn turn(&self, seconds: i64) {
        self.clock.0.store(seconds, Ordering::SeqCst);
    }

    async fn text(&self) -> String {
        self.session.token().await.unwrap().token().expose().to_owned()
    }

    fn counts(&self) -> (usize, usize) {
        (self.login.logins.load(Ordering::SeqCst), self.login.renewals.load(Ordering::SeqCst))
    }
}

fn token(text: &str) -> Token {
    Token::new(&SecretBytes::from(text)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn fifty_parallel_calls_share_one_login() {
    let bench = Bench::new(FakeLogin::default());
    let texts = join_all((0..50).map(|_| bench.text())).await;
    assert!(texts.iter().all(|text| text == "t1"));
    assert_eq!(bench.counts(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_shared_by_those_who_waited_and_tried_again_by_later_calls() {
    let bench = Bench::new(FakeLogin::default());
    *bench.login.refuse_login.lock().unwrap() = Some(ErrorKind::Unauthenticated);
    let failures = join_all((0..50).map(|_| bench.session.token())).await;
    for failure in failures {
        let error = failure.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert_eq!(error.retry_after(), Some(LIFE));
    }
    assert_eq!(bench.counts(), (1, 0));
    *bench.login.refuse_login.lock().unwrap() = None;
    assert_eq!(bench.text().await, "t2");
}

#[tokio::test(start_paused = true)]
async fn fifty_refusals_of_one_token_cause_one_fresh_login() {
    let bench = Bench::new(FakeLogin::default());
    let stale = bench.session.token().await.unwrap();
    let texts = join_all((0..50).map(|_| async {
        bench.session.invalidate(stale.generation());
        bench.text().await
    }))
    .await;
    assert!(texts.iter().all(|text| text == "t2"));
    assert_eq!(bench.counts(), (2, 0));
    bench.session.invalidate(stale.generation());
    assert_eq!(bench.text().await, "t2", "a late refusal of the old token leaves the new one alone");
}

#[tokio::test(start_paused = true)]
async fn a_token_past_two_thirds_is_renewed_once_while_others_go_on() {
    let bench = Bench::new(FakeLogin::default());
    bench.text().await;
    bench.turn(160);
    bench.text().await;
    assert_eq!(bench.counts(), (1, 0));
    bench.turn(201);
    let texts = join_all((0..50).map(|_| bench.text())).await;
    assert!(texts.iter().all(|text| text == "t1"));
    assert_eq!(bench.counts(), (1, 1));
    bench.turn(201 + 160);
    bench.text().await;
    assert_eq!(bench.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_replaced_by_a_fresh_login() {
    let bench = Bench::new(FakeLogin::default());
    bench.text().await;
    bench.turn(300);
    assert_eq!(bench.text().await, "t2");
    assert_eq!(bench.counts(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn refused_and_truncated_renewals_lead_to_a_fresh_login() {
    let refused = Bench::new(FakeLogin::default());
    *refused.login.refuse_renewal.lock().unwrap() = Some(ErrorKind::PermissionDenied);
    let truncated = Bench::new(FakeLogin::default());
    *truncated.login.renewed_life.lock().unwrap() = Some(Duration::from_secs(100));
    for bench in [refused, truncated] {
        bench.text().await;
        bench.turn(201);
        assert_eq!(bench.text().await, "t2");
        assert_eq!(bench.counts(), (2, 1));
        assert_eq!(*bench.login.revoked.lock().unwrap(), ["t1"], "the old token is not left behind");
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_ten_thousand_objects_takes_one_login_and_two_where_the_service_ends_the_first() {
    for (max_life, logins) in [(None, 1), (Some(45 * 60), 2)] {
        let bench = Bench::new(FakeLogin { max_life, ..FakeLogin::default() });
        for object in 0..10_000 {
            bench.turn(object * 3600 / 10_000);
            bench.text().await;
        }
        let (made, renewals) = bench.counts();
        assert_eq!(made, logins, "{max_life:?}");
        // Each renewal comes after 57 to 67 % of five minutes.
        assert!((18..=24).contains(&renewals), "{renewals}");
        assert_eq!(bench.login.revoked.lock().unwrap().len(), logins - 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_token_is_replaced_and_never_revoked() {
    let bench = Bench::new(FakeLogin { not_renewable: true, irrevocable: true, ..FakeLogin::default() });
    bench.text().await;
    bench.turn(201);
    assert_eq!(bench.text().await, "t2");
    bench.session.close().await;
    assert_eq!(bench.counts(), (2, 0));
    assert!(bench.login.revoked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_ended_session_logs_in_no_more() {
    let bench = Bench::new(FakeLogin::default());
    bench.text().await;
    bench.session.close().await;
    assert_eq!(bench.session.token().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(bench.counts(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_idle_token_is_kept_alive_until_its_session_is_dropped() {
    let Bench { login, clock, session } = Bench::new(FakeLogin::default());
    let session = session.kept_alive();
    session.token().await.unwrap();
    for second in 0..1200 {
        clock.0.store(second, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let renewals = login.renewals.load(Ordering::SeqCst);
    assert!((4..=7).contains(&renewals), "{renewals}");
    assert_eq!(login.logins.load(Ordering::SeqCst), 1);
    session.close().await;
    clock.0.store(1400, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_mins(5)).await;
    drop(session);
    assert_eq!(login.logins.load(Ordering::SeqCst), 1, "what has ended is not kept alive");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_renewed_is_replaced_before_it_expires() {
    let bench = Bench::new(FakeLogin { not_renewable: true, ..FakeLogin::default() });
    bench.text().await;
    bench.turn(201);
    assert_eq!(bench.text().await, "t2");
    assert_eq!(bench.counts(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn while_the_service_is_away_the_token_is_used_until_it_expires() {
    let bench = Bench::new(FakeLogin::default());
    bench.text().await;
    *bench.login.refuse_renewal.lock().unwrap() = Some(ErrorKind::Unavailable);
    *bench.login.refuse_login.lock().unwrap() = Some(ErrorKind::Unavailable);
    bench.turn(201);
    assert_eq!(bench.text().await, "t1");
    bench.turn(202);
    assert_eq!(bench.text().await, "t1");
    assert_eq!(bench.counts(), (1, 1));
    bench.turn(230);
    assert_eq!(bench.text().await, "t1");
    assert_eq!(bench.counts(), (1, 2));
    bench.turn(300);
    assert_eq!(bench.session.token().await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn closing_revokes_the_token_once() {
    let bench = Bench::new(FakeLogin::default());
    bench.text().await;
    bench.session.close().await;
    bench.session.close().await;
    assert_eq!(*bench.login.revoked.lock().unwrap(), ["t1"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_replaced_once_for_all_and_then_revoked() {
    let bench = Bench::new(FakeLogin::default());
    let old = bench.session.token().await.unwrap();
    let fresh = join_all((0..50).map(|_| bench.session.replace(old.generation()))).await;
    assert!(fresh.iter().all(|held| held.as_ref().unwrap().token().expose() == "t2"));
    assert_eq!(bench.counts(), (2, 0));
    assert_eq!(*bench.login.revoked.lock().unwrap(), ["t1"]);
    *bench.login.refuse_login.lock().unwrap() = Some(ErrorKind::Unauthenticated);
    let generation = bench.session.token().await.unwrap().generation();
    let refused = join_all((0..50).map(|_| bench.session.replace(generation))).await;
    assert!(refused.iter().all(Result::is_err));
    assert_eq!(bench.counts(), (3, 0));
    assert_eq!(bench.text().await, "t2");
}

#[test]
fn a_token_is_trimmed_checked_and_never_printed() {
    assert_eq!(token(" hvs.canary\r\n").expose(), "hvs.canary");
    for bad in ["", " \n", "a b", "a\nb", "a\u{0}b", "grün"] {
        let error = Token::new(&SecretBytes::from(bad)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{bad:?}");
    }
    assert!(!format!("{:?}", token("hvs.canary")).contains("canary"));
}
