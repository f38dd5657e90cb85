use expect_test::{Expect, expect};

use super::*;
use crate::topology::tests::{joins, word_count};

fn check(topology: &Topology, expected: Expect) {
    let list = topology.access("app");
    let rules: Vec<String> = list.rules().iter().map(|rule| format!("{rule}\n")).collect();
    expected.assert_eq(&rules.concat());
}

#[test]
fn a_service_may_only_what_it_calls_for_and_the_operator_may_delete() {
    check(
        &word_count(),
        expect![[r#"
            --allow-principal User:app --operation Read --operation Write --operation Create --topic app-counts-changelog
            --allow-principal User:app --operation Read --operation Write --operation Create --operation Delete --topic app-counts-repartition
            --allow-principal User:app --operation Write --topic out
            --allow-principal User:app --operation Read --topic words
            --allow-principal User:app --operation Read --group app
            --allow-principal User:app-operator --operation Delete --topic app-counts-changelog
            --allow-principal User:app-operator --operation Read --operation Delete --topic app-counts-repartition
            --allow-principal User:app-operator --operation Read --operation DescribeConfigs --topic out
            --allow-principal User:app-operator --operation Read --topic words
            --allow-principal User:app-operator --operation Describe --topic app- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --operation Write --operation Create --operation Delete --topic app-- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --operation Write --operation Create --operation Delete --topic out-- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --group app
            --allow-principal User:app-operator --operation Read --operation Delete --group app-- --resource-pattern-type prefixed
        "#]],
    );
}

#[test]
fn every_kind_of_topic_has_its_rule() {
    check(
        &joins(),
        expect![[r#"
            --allow-principal User:app --operation Read --operation Write --operation Create --operation Delete --topic app-KSTREAM-KEY-SELECT-0000000005-repartition
            --allow-principal User:app --operation Read --operation Write --operation Create --topic app-users-changelog
            --allow-principal User:app --operation Write --topic out
            --allow-principal User:app --operation Read --topic places
            --allow-principal User:app --operation Read --topic users
            --allow-principal User:app --operation Read --topic visits
            --allow-principal User:app --operation Read --group app
            --allow-principal User:app-operator --operation Read --operation Delete --topic app-KSTREAM-KEY-SELECT-0000000005-repartition
            --allow-principal User:app-operator --operation Delete --topic app-users-changelog
            --allow-principal User:app-operator --operation Read --operation DescribeConfigs --topic out
            --allow-principal User:app-operator --operation Read --topic places
            --allow-principal User:app-operator --operation Read --topic users
            --allow-principal User:app-operator --operation Read --topic visits
            --allow-principal User:app-operator --operation Describe --topic app- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --operation Write --operation Create --operation Delete --topic app-- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --operation Write --operation Create --operation Delete --topic out-- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --group app
            --allow-principal User:app-operator --operation Read --operation Delete --group app-- --resource-pattern-type prefixed
        "#]],
    );
}

#[test]
fn the_rules_are_a_script_of_kafkas_own_tool() {
    let text = word_count().access("App_1").to_string();
    expect![[r#"
        #!/bin/sh
        # What App_1 must be allowed; made by `topology --format acls`.
        set -eu
        allow() {
          kafka-acls.sh --bootstrap-server "${BOOTSTRAP_SERVERS:?}" \
            ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} --add "$@"
        }
        allow --allow-principal User:app-1-1257d988 --operation Read --operation Write --operation Create --topic App_1-counts-changelog
        allow --allow-principal User:app-1-1257d988 --operation Read --operation Write --operation Create --operation Delete --topic App_1-counts-repartition
        allow --allow-principal User:app-1-1257d988 --operation Write --topic out
        allow --allow-principal User:app-1-1257d988 --operation Read --topic words
        allow --allow-principal User:app-1-1257d988 --operation Read --group App_1
        allow --allow-principal User:app-1-operator-82d808df --operation Delete --topic App_1-counts-changelog
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Delete --topic App_1-counts-repartition
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation DescribeConfigs --topic out
        allow --allow-principal User:app-1-operator-82d808df --operation Read --topic words
        allow --allow-principal User:app-1-operator-82d808df --operation Describe --topic App_1- --resource-pattern-type prefixed
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Write --operation Create --operation Delete --topic App_1-- --resource-pattern-type prefixed
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Write --operation Create --operation Delete --topic out-- --resource-pattern-type prefixed
        allow --allow-principal User:app-1-operator-82d808df --operation Read --group App_1
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Delete --group App_1-- --resource-pattern-type prefixed
    "#]]
    .assert_eq(&text);
}
