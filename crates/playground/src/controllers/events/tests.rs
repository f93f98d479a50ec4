use crate::controllers::events::{Level, Recorder};
use crate::controllers::kinds::EVENTS;
use crate::controllers::object::text;
use crate::controllers::testing::Cluster;
use serde_json::{Value as Json, json};

fn object(name: &str) -> Json {
    json!({"metadata": {"name": name, "namespace": "n", "uid": name}})
}

#[tokio::test(start_paused = true)]
async fn the_same_is_counted_the_alike_combined_and_too_much_forgotten() {
    let cluster = Cluster::with_nodes(0).await;
    let recorder = Recorder::new(cluster.api.clone(), "kubelet").on("node-0");
    let say = |object: &Json, reason: &str, message: &str| {
        recorder.event(("v1", "Pod"), object, Level::Normal, reason, message);
    };
    let said = |cluster: &Cluster, name: &str| {
        let mut events = cluster.all(EVENTS);
        events.retain(|event| text(event, "/involvedObject/name") == name);
        let shown = events.iter().map(|event| format!("x{} {}", event["count"], text(event, "/message")));
        shown.collect::<Vec<_>>()
    };
    for _ in 0..3 {
        say(&object("same"), "Pulled", "pulled");
    }
    assert_eq!(said(&cluster, "same"), ["x3 pulled"]);
    for number in 0..12 {
        say(&object("alike"), "Created", &format!("created {number}"));
    }
    let alike = said(&cluster, "alike");
    assert_eq!((alike.len(), alike[9].as_str()), (10, "x3 (combined from similar events): created 11"));
    for _ in 0..100 {
        say(&object("much"), "Failed", "failed");
    }
    assert_eq!(said(&cluster, "much"), ["x25 failed"]);
    cluster.pass(301_000).await;
    say(&object("much"), "Failed", "failed");
    assert_eq!(said(&cluster, "much"), ["x26 failed"]);
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_new_form_has_a_series() {
    let cluster = Cluster::with_nodes(0).await;
    let recorder = Recorder::new(cluster.api.clone(), "default-scheduler").doing("Scheduling");
    for _ in 0..2 {
        recorder.event(("v1", "Pod"), &object("p"), Level::Warning, "FailedScheduling", "no");
    }
    let event = &cluster.all(EVENTS)[0];
    assert_eq!(
        (&event["series"]["count"], &event["count"], &event["action"]),
        (&json!(2), &Json::Null, &json!("Scheduling"))
    );
    assert_eq!(text(event, "/eventTime"), "2026-11-20T09:00:00.001000Z");
    cluster.end().await;
}
