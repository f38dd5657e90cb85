//! Services with the rights that are generated for them and no other, and with one less.

use std::path::Path;

use integration_tests::processes::{Outcome, Running};
use integration_tests::waiting::{Deadline, block_on, eventually};
use integration_tests::{admin, clients};
use rdkafka::consumer::Consumer;

use crate::rules::{self, Rule};
use crate::secured::{self, User, told};

const SERVICES: [&str; 2] = ["airline-delays", "airport-hours"];
/// Looks like one of the service's own topics, and is another application's.
const STRANGER: &str = "airline-delays-eu-totals-changelog";

/// A service and its operator, each with its own user.
struct Team {
    service: &'static str,
    runs: User,
    operates: User,
    rules: Vec<Rule>,
}

/// What one of the two does, in order.
#[derive(Clone, Copy)]
struct Step {
    is_operator: bool,
    arguments: &'static [&'static str],
    /// Whether local state is lost before.
    forgets: bool,
}

const fn step(is_operator: bool, arguments: &'static [&'static str]) -> Step {
    Step { is_operator, arguments, forgets: false }
}

const RUN: Step = step(false, &["run", "--until-caught-up"]);
const RESTORE: Step = Step { forgets: true, ..RUN };
const RESET: &[&str] = &["reset", "--yes"];
/// Everything that the commands of an application do. The second replay deletes the first; the first
/// reset shows only.
const STEPS: [Step; 9] = [
    RUN,
    RESTORE,
    step(true, &["replay"]),
    step(true, &["verify"]),
    step(true, &["replay"]),
    step(true, &["results", "--json"]),
    step(true, &["reset"]),
    step(true, RESET),
    RUN,
];

impl Team {
    fn of(service: &'static str) -> Self {
        let rules = rules::generated(service);
        let operator = format!("{service}-operator");
        let mut users: Vec<&str> = rules.iter().map(|rule| rule.user.as_str()).collect();
        users.dedup();
        assert_eq!(users, [service, &operator]);
        let runs = User::create(service, &format!("password-of-{service}"));
        let operates = User::create(&operator, &format!("password-of-{operator}"));
        Self { service, runs, operates, rules }
    }

    /// Takes one step.
    fn take(&self, step: Step, state: &Path) -> Outcome {
        if step.forgets {
            std::fs::remove_dir_all(state.join(self.service)).unwrap();
        }
        let user = if step.is_operator { &self.operates } else { &self.runs };
        let mut settings = user.settings();
        settings.push(("repartition.purge.interval.ms", "50".to_owned()));
        secured::run(self.service, step.arguments, &settings, state)
    }

    /// Takes all steps, and returns what they printed.
    fn all_works(&self) -> String {
        let state = tempfile::tempdir().unwrap();
        let mut said = String::new();
        for step in STEPS {
            let outcome = self.take(step, state.path());
            let (arguments, user) = (step.arguments, step.is_operator);
            assert_eq!(outcome.status, Some(0), "{arguments:?} (operator: {user}): {outcome:?}");
            said.push_str(&outcome.stdout);
        }
        said
    }

    /// Takes steps until one tells that a rule is missing, or fails, and returns how.
    fn first_complaint(&self, rule: &Rule) -> Option<(Step, Outcome)> {
        let state = tempfile::tempdir().unwrap();
        STEPS.into_iter().find_map(|step| {
            let outcome = self.take(step, state.path());
            let complains = outcome.status != Some(0) || rule.is_missed(&outcome.stderr);
            complains.then_some((step, outcome))
        })
    }

    /// Deletes the service's topics and groups, so that everything is done for the first time.
    fn forget(&self) {
        let bootstrap = told("ADMIN");
        let consumer = clients::consumer(&bootstrap, None, &[]);
        let is_own = |name: &str| {
            name == self.service
                || (name.starts_with(&format!("{}-", self.service)) && name != STRANGER)
        };
        let own = || -> Vec<String> {
            let metadata = consumer.fetch_metadata(None, std::time::Duration::from_secs(10));
            let metadata = metadata.unwrap();
            let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
            names.filter(|name| is_own(name)).collect()
        };
        let admin = admin::client(&bootstrap);
        let names = own();
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            block_on(admin.delete_topics(&names, &admin::options())).unwrap();
        }
        eventually("no topics", Deadline::seconds(60), || own().is_empty().then_some(()));
        let groups = [self.service.to_owned(), format!("{}--replay", self.service)];
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        // Some may not be there.
        let _ = block_on(admin.delete_groups(&groups, &admin::options()));
    }
}

#[test]
fn services_need_what_is_generated_for_them_and_no_less() {
    feed();
    admin::create_topic(&told("ADMIN"), STRANGER, 1, &[]);
    for service in SERVICES {
        let team = Team::of(service);
        rules::add(&team.rules);
        let said = team.all_works();
        assert!(said.contains("EQUAL"), "{said}");
        let mut needless = Vec::new();
        for rule in &team.rules {
            team.forget();
            rules::remove(std::slice::from_ref(rule));
            let complaint = team.first_complaint(rule);
            rules::add(std::slice::from_ref(rule));
            match complaint {
                None => needless.push(rule),
                Some((step, Outcome { status, stderr, .. })) => {
                    let step = step.arguments;
                    // Records that were processed only take room, so a run goes on that cannot delete them.
                    let goes_on = rule.operation == "Delete" && step == RUN.arguments;
                    let expected = if goes_on { 0 } else { 70 };
                    assert!(
                        rule.is_missed(&stderr) && status == Some(expected),
                        "{step:?} without {rule:?}: {status:?} {stderr}"
                    );
                }
            }
        }
        team.forget();
        // What a reset shows beside what it does.
        needless.retain(|rule| !(rule.operation == "Describe" && rule.is_prefix));
        assert!(needless.is_empty(), "nothing fails without {needless:#?}");
    }
}

/// Writes a few days of flights as a user with the rights to do that.
fn feed() {
    let feeder = User::create("feeder", "password-of-feeder");
    let topics = [
        "flights.scheduled",
        "flights.departed",
        "flights.landed",
        "airlines",
        "airports",
        "planes",
        "weather",
    ];
    let operations = ["Write", "Create"];
    let rules = topics.iter().flat_map(|topic| {
        operations.map(|operation| Rule::new(&feeder.name, operation, "topic", topic))
    });
    let rules: Vec<Rule> = rules.collect();
    let days = ["--from", "2013-01-01", "--to", "2013-01-02"];
    let fed = || {
        let mut command = secured::configured("feeder", &feeder.settings());
        command.args(days);
        Running::start(command).finish()
    };
    for rule in &rules {
        if rule.name == "weather" {
            let others = rules.iter().filter(|other| *other != rule).cloned().collect::<Vec<_>>();
            rules::add(&others);
            rules::remove(std::slice::from_ref(rule));
            let refused = fed();
            assert_eq!(refused.status, Some(70), "{refused:?}");
            assert!(rule.is_missed(&refused.stderr), "{rule:?}: {refused:?}");
        }
    }
    rules::add(&rules);
    assert!(fed().succeeds().starts_with("wrote "));
}
