use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::topology::tests::{joins, word_count};

fn check(actual: &str, expected: Expect) {
    expected.assert_eq(actual);
}

#[test]
fn an_outline_has_nodes_stores_and_topics_with_their_rules() {
    let names = TopicNames::live("app");
    let outline = |topology: Topology| {
        let outline = topology.outline(&names, Duration::from_secs(60));
        serde_json::to_string_pretty(&outline).unwrap()
    };
    check(
        &outline(word_count()),
        expect![[r#"
            {
              "application": "app",
              "subtopologies": [
                {
                  "id": 0,
                  "tasks_as_partitions_of": [
                    "words"
                  ],
                  "nodes": [
                    {
                      "name": "KSTREAM-SOURCE-0000000000",
                      "kind": "source",
                      "topics": [
                        "words"
                      ],
                      "stores": [],
                      "global_tables": [],
                      "parents": []
                    },
                    {
                      "name": "KSTREAM-KEY-SELECT-0000000001",
                      "kind": "processor",
                      "stores": [],
                      "global_tables": [],
                      "parents": [
                        "KSTREAM-SOURCE-0000000000"
                      ]
                    },
                    {
                      "name": "counts-repartition-filter",
                      "kind": "processor",
                      "stores": [],
                      "global_tables": [],
                      "parents": [
                        "KSTREAM-KEY-SELECT-0000000001"
                      ]
                    },
                    {
                      "name": "counts-repartition-sink",
                      "kind": "sink",
                      "topics": [
                        "app-counts-repartition"
                      ],
                      "stores": [],
                      "global_tables": [],
                      "parents": [
                        "counts-repartition-filter"
                      ]
                    }
                  ],
                  "stores": []
                },
                {
                  "id": 1,
                  "tasks_as_partitions_of": [
                    "app-counts-repartition"
                  ],
                  "nodes": [
                    {
                      "name": "counts-repartition-source",
                      "kind": "source",
                      "topics": [
                        "app-counts-repartition"
                      ],
                      "stores": [],
                      "global_tables": [],
                      "parents": []
                    },
                    {
                      "name": "KSTREAM-AGGREGATE-0000000002",
                      "kind": "processor",
                      "stores": [
                        "counts"
                      ],
                      "global_tables": [],
                      "parents": [
                        "counts-repartition-source"
                      ]
                    },
                    {
                      "name": "KTABLE-TOSTREAM-0000000006",
                      "kind": "processor",
                      "stores": [],
                      "global_tables": [],
                      "parents": [
                        "KSTREAM-AGGREGATE-0000000002"
                      ]
                    },
                    {
                      "name": "KSTREAM-SINK-0000000007",
                      "kind": "sink",
                      "topics": [
                        "out"
                      ],
                      "stores": [],
                      "global_tables": [],
                      "parents": [
                        "KTABLE-TOSTREAM-0000000006"
                      ]
                    }
                  ],
                  "stores": [
                    {
                      "name": "counts",
                      "kind": "key_value",
                      "cached": true,
                      "changelog": "app-counts-changelog"
                    }
                  ]
                }
              ],
              "global_tables": [],
              "inputs": [
                "words"
              ],
              "outputs": [
                {
                  "topic": "out",
                  "partitions": null,
                  "settings": {}
                }
              ],
              "internal_topics": [
                {
                  "topic": "app-counts-repartition",
                  "kind": "repartition",
                  "partitions_as": [
                    "words"
                  ],
                  "settings": {
                    "cleanup.policy": "delete",
                    "message.timestamp.type": "CreateTime",
                    "retention.ms": "-1",
                    "segment.bytes": "52428800"
                  }
                },
                {
                  "topic": "app-counts-changelog",
                  "kind": "changelog",
                  "partitions_as": [
                    "app-counts-repartition"
                  ],
                  "settings": {
                    "cleanup.policy": "compact",
                    "message.timestamp.type": "CreateTime"
                  }
                }
              ]
            }"#]],
    );
    check(
        &outline(joins()),
        expect![[r#"
            {
              "application": "app",
              "subtopologies": [
                {
                  "id": 0,
                  "tasks_as_partitions_of": [
                    "app-KSTREAM-KEY-SELECT-0000000005-repartition",
                    "users"
                  ],
                  "nodes": [
                    {
                      "name": "KSTREAM-SOURCE-0000000000",
                      "kind": "source",
                      "topics": [
                        "users"
                      ],
                      "stores": [],
                      "global_tables": [],
                      "parents": []
                    },
                    {
                      "name": "KTABLE-SOURCE-0000000001",
                      "kind": "processor",
                      "stores": [
                        "users"
                      ],
                      "global_tables": [],
                      "parents": [
                        "KSTREAM-SOURCE-0000000000"
                      ]
                    },
                    {
                      "name": "KSTREAM-SOURCE-0000000008",
                      "kind": "source",
                      "topics": [
                        "app-KSTREAM-KEY-SELECT-0000000005-repartition"
                      ],
                      "stores": [],
                      "global_tables": [],
                      "parents": []
                    },
                    {
                      "name": "KSTREAM-JOIN-0000000009",
                      "kind": "processor",
                      "stores": [
                        "users"
                      ],
                      "global_tables": [],
                      "parents": [
                        "KSTREAM-SOURCE-0000000008"
                      ]
                    },
                    {
                      "name": "KSTREAM-LEFTJOIN-0000000010",
                      "kind": "processor",
                      "stores": [],
                      "global_tables": [
                        "places"
                      ],
                      "parents": [
                        "KSTREAM-JOIN-0000000009"
                      ]
                    },
                    {
                      "name": "KSTREAM-SINK-0000000011",
                      "kind": "sink",
                      "topics": [
                        "out"
                      ],
                      "stores": [],
                      "global_tables": [],
                      "parents": [
                        "KSTREAM-LEFTJOIN-0000000010"
                      ]
                    }
                  ],
                  "stores": [
                    {
                      "name": "users",
                      "kind": "key_value",
                      "cached": true,
                      "changelog": "app-users-changelog"
                    }
                  ]
                },
                {
                  "id": 2,
                  "tasks_as_partitions_of": [
                    "visits"
                  ],
                  "nodes": [
                    {
                      "name": "KSTREAM-SOURCE-0000000004",
                      "kind": "source",
                      "topics": [
                        "visits"
                      ],
                      "stores": [],
                      "global_tables": [],
                      "parents": []
                    },
                    {
                      "name": "KSTREAM-KEY-SELECT-0000000005",
                      "kind": "processor",
                      "stores": [],
                      "global_tables": [],
                      "parents": [
                        "KSTREAM-SOURCE-0000000004"
                      ]
                    },
                    {
                      "name": "KSTREAM-FILTER-0000000007",
                      "kind": "processor",
                      "stores": [],
                      "global_tables": [],
                      "parents": [
                        "KSTREAM-KEY-SELECT-0000000005"
                      ]
                    },
                    {
                      "name": "KSTREAM-SINK-0000000006",
                      "kind": "sink",
                      "topics": [
                        "app-KSTREAM-KEY-SELECT-0000000005-repartition"
                      ],
                      "stores": [],
                      "global_tables": [],
                      "parents": [
                        "KSTREAM-FILTER-0000000007"
                      ]
                    }
                  ],
                  "stores": []
                }
              ],
              "global_tables": [
                {
                  "store": "places",
                  "topic": "places"
                }
              ],
              "inputs": [
                "places",
                "users",
                "visits"
              ],
              "outputs": [
                {
                  "topic": "out",
                  "partitions": null,
                  "settings": {}
                }
              ],
              "internal_topics": [
                {
                  "topic": "app-KSTREAM-KEY-SELECT-0000000005-repartition",
                  "kind": "repartition",
                  "partitions_as": [
                    "users"
                  ],
                  "settings": {
                    "cleanup.policy": "delete",
                    "message.timestamp.type": "CreateTime",
                    "retention.ms": "-1",
                    "segment.bytes": "52428800"
                  }
                },
                {
                  "topic": "app-users-changelog",
                  "kind": "changelog",
                  "partitions_as": [
                    "app-KSTREAM-KEY-SELECT-0000000005-repartition",
                    "users"
                  ],
                  "settings": {
                    "cleanup.policy": "compact",
                    "message.timestamp.type": "CreateTime"
                  }
                }
              ]
            }"#]],
    );
}
