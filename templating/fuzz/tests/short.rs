//! The short run: every seed, and some thousand inputs made of them, the same in every run.

#![expect(clippy::unwrap_used, reason = "test support outside test functions")]

use strongroom_templating_fuzz::{Mutations, dictionary, seeds, target};

fn short(name: &str) {
    let target = target(name).unwrap();
    let (seeds, words) = (seeds(name), dictionary(name));
    assert!(seeds.len() >= 5, "{name} has {} seeds", seeds.len());
    let made = Mutations::new(&seeds, &words, 1).take(usize::try_from(target.short_runs).unwrap());
    for input in seeds.iter().cloned().chain(made) {
        let run = std::panic::catch_unwind(|| (target.run)(&input));
        if let Err(finding) = run {
            eprintln!("{name}: input {:?}", String::from_utf8_lossy(&input));
            std::panic::resume_unwind(finding);
        }
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            short(stringify!($name));
        })*

        #[test]
        fn every_target_has_a_short_run() {
            let names = [$(stringify!($name)),*];
            assert!(strongroom_templating_fuzz::TARGETS.iter().all(|target| names.contains(&target.name)));
        }
    };
}

targets!(go_template handlebars gjson yaml pem pkcs12 jwk);
