use crate::controllers::kinds::{JOBS, PODS};
use crate::controllers::object::{int, text};
use crate::controllers::testing::{Cluster, conditions};
use serde_json::{Value as Json, json};

fn job(spec: Json, exit: &str) -> Json {
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
        "spec": {"template": {
            "metadata": {"annotations": {"test/exit": exit}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "once:1"}]},
        }},
    });
    for (field, value) in spec.as_object().into_iter().flatten() {
        job["spec"][field] = value.clone();
    }
    job
}

fn counts(cluster: &Cluster) -> [i64; 3] {
    let job = cluster.get(JOBS, "once");
    ["active", "succeeded", "failed"].map(|field| int(&job, &format!("/status/{field}")).unwrap_or(0))
}

#[tokio::test(start_paused = true)]
async fn so_many_in_all_so_many_at_once_and_then_it_expires() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(job(json!({"completions": 3, "parallelism": 2, "ttlSecondsAfterFinished": 60}), "0"));
    cluster.pass(10).await;
    assert_eq!(counts(&cluster), [2, 0, 0]);
    cluster.pass(3_500).await;
    assert_eq!(counts(&cluster), [1, 2, 0]);
    cluster.pass(4_000).await;
    assert_eq!(counts(&cluster), [0, 3, 0]);
    let once = cluster.get(JOBS, "once");
    assert_eq!(
        conditions(&once),
        "SuccessCriteriaMet=True(CompletionsReached) Complete=True(CompletionsReached)"
    );
    assert!(!text(&once, "/status/completionTime").is_empty());
    assert_eq!(cluster.all(PODS).len(), 3, "what ended stays");
    cluster.pass(61_000).await;
    assert!(cluster.all(JOBS).is_empty());
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_beyond_all_clocks_stops_nobody() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(job(
        json!({"completions": 1, "activeDeadlineSeconds": i64::MAX, "ttlSecondsAfterFinished": i64::MAX}),
        "0",
    ));
    cluster.pass(10_000).await;
    assert_eq!(counts(&cluster), [0, 1, 0]);
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_later_and_later_and_not_for_ever() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(job(json!({"completions": 1, "parallelism": 1, "backoffLimit": 1}), "1"));
    cluster.pass(4_000).await;
    assert_eq!(counts(&cluster), [0, 0, 1], "ten seconds from the first failure to the second try");
    cluster.pass(10_000).await;
    assert_eq!(counts(&cluster), [1, 0, 1]);
    cluster.pass(10_000).await;
    assert_eq!(counts(&cluster), [0, 0, 2]);
    let once = cluster.get(JOBS, "once");
    assert_eq!(
        conditions(&once),
        "FailureTarget=True(BackoffLimitExceeded) Failed=True(BackoffLimitExceeded)"
    );
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_what_runs() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(job(json!({"completions": 1, "parallelism": 1, "activeDeadlineSeconds": 30}), ""));
    cluster.pass(29_000).await;
    assert_eq!(counts(&cluster), [1, 0, 0]);
    cluster.pass(4_000).await;
    assert_eq!(
        conditions(&cluster.get(JOBS, "once")),
        "FailureTarget=True(DeadlineExceeded) Failed=True(DeadlineExceeded)"
    );
    assert!(cluster.all(PODS).is_empty());
    assert_eq!(counts(&cluster), [0, 0, 1], "what had to end has failed");
    cluster.end().await;
}
