use super::*;

/// A partition that holds the offsets 10 to 99, whose group is at 40 (partition 0) or nowhere (1).
fn facts() -> Facts {
    let all = |offset| (0..2).map(|n| (TopicPartition::new("in", n), Offset(offset))).collect();
    let at = |offset| Offsets::from([(TopicPartition::new("in", 0), Offset(offset))]);
    Facts { starts: all(10), ends: all(100), committed: at(40), at_time: at(70) }
}

fn both(start: &StartPosition) -> [(Option<i64>, Option<i64>, Option<&'static str>); 2] {
    [0, 1].map(|number| {
        let changed = change(TopicPartition::new("in", number), &facts(), start).unwrap();
        (changed.from, changed.to, changed.note)
    })
}

#[test]
fn each_start_position_has_its_offsets() {
    use StartPosition as S;
    let (at, none) = (Some(40), None);
    assert_eq!(both(&S::Earliest), [(at, Some(10), None), (none, Some(10), None)]);
    assert_eq!(both(&S::Latest), [(at, Some(100), None), (none, Some(100), None)]);
    assert_eq!(both(&S::Current), [(at, at, None), (none, none, None)]);
    let time = S::Time(Timestamp::from_millis(1));
    assert_eq!(both(&time), [(at, Some(70), None), (none, Some(100), Some(NOTHING_SINCE))]);
    assert_eq!(both(&S::Shift(5)), [(at, Some(45), None), (none, Some(15), Some(NO_OFFSET))]);
    assert_eq!(both(&S::Offset(Offset(55)))[0], (at, Some(55), None));
    let file = S::File(OffsetsFile::parse("f", "in,0,55").unwrap());
    assert_eq!(both(&file), [(at, Some(55), None), (none, none, Some(NOT_IN_FILE))]);
}

#[test]
fn offsets_beyond_what_there_is_are_clamped_with_a_note() {
    use StartPosition as S;
    let first = |start: &S| (both(start)[0].1, both(start)[0].2);
    assert_eq!(first(&S::Shift(-31)), (Some(10), Some(BEFORE_START)));
    assert_eq!(first(&S::Shift(-30)), (Some(10), None));
    assert_eq!(first(&S::Shift(60)), (Some(100), None));
    assert_eq!(first(&S::Shift(61)), (Some(100), Some(BEYOND_END)));
    assert_eq!(first(&S::Shift(i64::MAX)), (Some(100), Some(BEYOND_END)));
    assert_eq!(first(&S::Shift(i64::MIN)), (Some(10), Some(BEFORE_START)));
    assert_eq!(first(&S::Offset(Offset::ZERO)), (Some(10), Some(BEFORE_START)));
    let file = S::File(OffsetsFile::parse("f", "in,0,101").unwrap());
    assert_eq!(first(&file), (Some(100), Some(BEYOND_END)));
}

#[test]
fn a_plan_reads_as_a_table() {
    let change = |number, to| PartitionChange {
        topic: "orders".to_owned(),
        partition: number,
        from: (number == 0).then_some(40),
        to: Some(to),
        note: (number == 1).then_some(BEYOND_END),
    };
    let plan = ResetPlan {
        application: "app".to_owned(),
        inputs: vec![change(0, 0), change(1, 9)],
        missing_inputs: Vec::new(),
        delete_topics: vec!["app-a-changelog".to_owned()],
        other_topics: vec!["app-2-a-changelog".to_owned()],
        local_state: Some("/state/app".into()),
    };
    assert_eq!(
        plan.to_string(),
        "INPUT             FROM            TO\n\
         orders-0            40             0\n\
         orders-1          none             9  (beyond the end: set to it)\n\
         Internal topics to delete, with the group's offsets in them:\n  app-a-changelog\n\
         Named alike, but not of this topology, so left alone (an earlier one's, or another \
         application's; --internal-topics deletes by name):\n  app-2-a-changelog\n\
         Local state to delete: /state/app"
    );
    let offsets: Vec<i64> = plan.offsets().into_values().map(|offset| offset.0).collect();
    assert_eq!(offsets, [0, 9]);
}
