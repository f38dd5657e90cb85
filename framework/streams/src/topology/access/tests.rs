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
            --allow-principal User:app --operation Read --operation Write --operation Create --operation Describe --topic app-counts-changelog
            --allow-principal User:app --operation Read --operation Write --operation Create --operation Delete --operation Describe --topic app-counts-repartition
            --allow-principal User:app --operation Write --operation Describe --topic out
            --allow-principal User:app --operation Read --operation Describe --topic words
            --allow-principal User:app --operation Read --operation Describe --group app
            --allow-principal User:app-operator --operation Read --operation Delete --operation Describe --topic app-counts-changelog
            --allow-principal User:app-operator --operation Read --operation Delete --operation Describe --topic app-counts-repartition
            --allow-principal User:app-operator --operation Read --operation Describe --operation DescribeConfigs --topic out
            --allow-principal User:app-operator --operation Read --operation Describe --topic words
            --allow-principal User:app-operator --operation Describe --topic app- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --operation Write --operation Create --operation Delete --operation Describe --topic app-- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --operation Write --operation Create --operation Delete --operation Describe --topic out-- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --operation Describe --group app
            --allow-principal User:app-operator --operation Read --operation Delete --operation Describe --group app-- --resource-pattern-type prefixed
        "#]],
    );
}

#[test]
fn every_kind_of_topic_has_its_rule() {
    check(
        &joins(),
        expect![[r#"
            --allow-principal User:app --operation Read --operation Write --operation Create --operation Delete --operation Describe --topic app-KSTREAM-KEY-SELECT-0000000005-repartition
            --allow-principal User:app --operation Read --operation Write --operation Create --operation Describe --topic app-users-changelog
            --allow-principal User:app --operation Write --operation Describe --topic out
            --allow-principal User:app --operation Read --operation Describe --topic places
            --allow-principal User:app --operation Read --operation Describe --topic users
            --allow-principal User:app --operation Read --operation Describe --topic visits
            --allow-principal User:app --operation Read --operation Describe --group app
            --allow-principal User:app-operator --operation Read --operation Delete --operation Describe --topic app-KSTREAM-KEY-SELECT-0000000005-repartition
            --allow-principal User:app-operator --operation Read --operation Delete --operation Describe --topic app-users-changelog
            --allow-principal User:app-operator --operation Read --operation Describe --operation DescribeConfigs --topic out
            --allow-principal User:app-operator --operation Read --operation Describe --topic places
            --allow-principal User:app-operator --operation Read --operation Describe --topic users
            --allow-principal User:app-operator --operation Read --operation Describe --topic visits
            --allow-principal User:app-operator --operation Describe --topic app- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --operation Write --operation Create --operation Delete --operation Describe --topic app-- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --operation Write --operation Create --operation Delete --operation Describe --topic out-- --resource-pattern-type prefixed
            --allow-principal User:app-operator --operation Read --operation Describe --group app
            --allow-principal User:app-operator --operation Read --operation Delete --operation Describe --group app-- --resource-pattern-type prefixed
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
        allow --allow-principal User:app-1-1257d988 --operation Read --operation Write --operation Create --operation Describe --topic App_1-counts-changelog
        allow --allow-principal User:app-1-1257d988 --operation Read --operation Write --operation Create --operation Delete --operation Describe --topic App_1-counts-repartition
        allow --allow-principal User:app-1-1257d988 --operation Write --operation Describe --topic out
        allow --allow-principal User:app-1-1257d988 --operation Read --operation Describe --topic words
        allow --allow-principal User:app-1-1257d988 --operation Read --operation Describe --group App_1
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Delete --operation Describe --topic App_1-counts-changelog
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Delete --operation Describe --topic App_1-counts-repartition
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Describe --operation DescribeConfigs --topic out
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Describe --topic words
        allow --allow-principal User:app-1-operator-82d808df --operation Describe --topic App_1- --resource-pattern-type prefixed
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Write --operation Create --operation Delete --operation Describe --topic App_1-- --resource-pattern-type prefixed
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Write --operation Create --operation Delete --operation Describe --topic out-- --resource-pattern-type prefixed
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Describe --group App_1
        allow --allow-principal User:app-1-operator-82d808df --operation Read --operation Delete --operation Describe --group App_1-- --resource-pattern-type prefixed
    "#]]
    .assert_eq(&text);
}
