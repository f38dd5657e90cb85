//! Rules (ACLs), as `topology --format acls` writes them, and giving them to the broker.

use std::process::Command;

use integration_tests::processes::Running;
use integration_tests::programs::program;
use integration_tests::waiting::{Deadline, eventually};
use integration_tests::wire::Wire;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::{CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest};
use kafka_protocol::protocol::StrBytes;

use crate::secured::told;

/// One operation that a user is allowed on something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) user: String,
    pub(crate) operation: String,
    pub(crate) resource: String,
    pub(crate) name: String,
    pub(crate) is_prefix: bool,
}

// Kafka's numbers.
const VERSION: i16 = 3;
const ANY: i8 = 1;
const ALLOW: i8 = 3;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const OPERATIONS: [(&str, i8); 6] = [
    ("Read", 3),
    ("Write", 4),
    ("Create", 5),
    ("Delete", 6),
    ("Describe", 8),
    ("DescribeConfigs", 10),
];
const RESOURCES: [(&str, i8); 2] = [("topic", 2), ("group", 3)];

/// Returns the rules that a service's own command gives, one for each operation.
pub(crate) fn generated(service: &str) -> Vec<Rule> {
    let mut command: Command = program(service);
    command.args(["topology", "--format", "acls"]);
    let script = Running::start(command).finish().succeeds();
    let lines = script.lines().filter_map(|line| line.strip_prefix("allow --"));
    lines.flat_map(rules).collect()
}

/// Reads the arguments of `kafka-acls.sh`.
fn rules(line: &str) -> Vec<Rule> {
    let arguments: Vec<&str> = line.split_whitespace().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument.trim_start_matches("--") == name)?;
        Some(arguments[at + 1].to_owned())
    };
    let (resource, name) = RESOURCES
        .iter()
        .find_map(|(resource, _)| Some(((*resource).to_owned(), value(resource)?)))
        .expect("what it is about");
    let user = value("allow-principal").expect("who");
    let pairs = arguments.windows(2).filter(|pair| pair[0] == "--operation");
    let rules = pairs.map(|pair| Rule {
        user: user.strip_prefix("User:").expect("a user").to_owned(),
        operation: pair[1].to_owned(),
        resource: resource.clone(),
        name: name.clone(),
        is_prefix: value("resource-pattern-type").as_deref() == Some("prefixed"),
    });
    rules.collect()
}

impl Rule {
    pub(crate) fn new(user: &str, operation: &str, resource: &str, name: &str) -> Self {
        Self {
            user: user.to_owned(),
            operation: operation.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            is_prefix: false,
        }
    }

    /// Returns whether an error tells that this rule is missing. What may be read, written or deleted may be
    /// described too, which is asked for first.
    pub(crate) fn is_missed(&self, said: &str) -> bool {
        let Self { operation, resource, name, .. } = self;
        let told = |operation: &str| {
            said.contains(&format!("do not give the user `{operation}` on {resource} {name}"))
        };
        let writes_nothing =
            operation == "Write" && said.contains("give the user `Write` on no topic");
        told(operation) || told("Describe") || writes_nothing
    }

    fn creation(&self) -> AclCreation {
        AclCreation::default()
            .with_resource_type(number(&RESOURCES, &self.resource))
            .with_resource_name(text(&self.name))
            .with_resource_pattern_type(if self.is_prefix { PREFIXED } else { LITERAL })
            .with_principal(text(&format!("User:{}", self.user)))
            .with_host(text("*"))
            .with_operation(number(&OPERATIONS, &self.operation))
            .with_permission_type(ALLOW)
    }

    fn filter(&self) -> DeleteAclsFilter {
        DeleteAclsFilter::default()
            .with_resource_type_filter(number(&RESOURCES, &self.resource))
            .with_resource_name_filter(Some(text(&self.name)))
            .with_pattern_type_filter(if self.is_prefix { PREFIXED } else { LITERAL })
            .with_principal_filter(Some(text(&format!("User:{}", self.user))))
            .with_host_filter(Some(text("*")))
            .with_operation(number(&OPERATIONS, &self.operation))
            .with_permission_type(ALLOW)
    }
}

/// Gives the broker rules, and waits until it goes by them.
pub(crate) fn add(rules: &[Rule]) {
    let mut wire = Wire::connect(&told("ADMIN"));
    let creations = rules.iter().map(Rule::creation).collect();
    let answer = wire.call(VERSION, &CreateAclsRequest::default().with_creations(creations));
    assert!(answer.results.iter().all(|result| result.error_code == 0), "{answer:?}");
    for rule in rules {
        eventually("the rule", Deadline::seconds(20), || is_there(&mut wire, rule).then_some(()));
    }
}

/// Takes rules away, and waits until the broker goes by that.
pub(crate) fn remove(rules: &[Rule]) {
    let mut wire = Wire::connect(&told("ADMIN"));
    let filters = rules.iter().map(Rule::filter).collect();
    let answer = wire.call(VERSION, &DeleteAclsRequest::default().with_filters(filters));
    assert!(answer.filter_results.iter().all(|result| result.error_code == 0), "{answer:?}");
    for rule in rules {
        eventually("no rule", Deadline::seconds(20), || (!is_there(&mut wire, rule)).then_some(()));
    }
}

fn is_there(wire: &mut Wire, rule: &Rule) -> bool {
    let filter = rule.filter();
    let request = DescribeAclsRequest::default()
        .with_resource_type_filter(filter.resource_type_filter)
        .with_resource_name_filter(filter.resource_name_filter)
        .with_pattern_type_filter(filter.pattern_type_filter)
        .with_principal_filter(filter.principal_filter)
        .with_host_filter(filter.host_filter)
        .with_operation(filter.operation)
        .with_permission_type(ANY);
    !wire.call(VERSION, &request).resources.is_empty()
}

fn number(known: &[(&str, i8)], name: &str) -> i8 {
    known.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name} is new")).1
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
