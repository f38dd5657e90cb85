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
    check(&joins(), expect![[r#""#]]);
}

#[test]
fn the_rules_are_a_script_of_kafkas_own_tool() {
    let text = word_count().access("App_1").to_string();
    expect![[r#""#]].assert_eq(&text);
}
