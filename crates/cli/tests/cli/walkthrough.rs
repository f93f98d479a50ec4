//! Chapters 1 and 2 of the walkthrough of the demo system, row by row, with files of our own: on a playground, with the
//! requests that kubectl sends for what its rows type (`tests/kubectl`), and the experiments played by the command.
//!
//! Invariant: each row has playgrounds of its own and waits by watches. They run in real time, because processes and sockets
//! do: the paces of the playground are what the rows are about.

mod kubectl;
mod market;
mod recording;

use market::{Market, play};
use serde_json::Value;

const NOT_ONE: &str =
    "Steady state probe 'one-till' is not in the given tolerance so failing this experiment";
const NOT_READY: &str =
    "pod till does not match the following given condition: {'type': 'Ready', 'status': 'True'}";

#[test]
fn row_1_1_a_pod_is_terminated() {
    play(|market| {
        pod(market);
        market.run("kill.yaml", "completed", 0, &[]);
        market.kubectl_until("wait-gone", |pod| pod.is_none());
        assert_eq!(market.pods(), [""; 0]);
    });
}

#[test]
fn row_1_2_without_a_pod_the_method_is_not_played() {
    play(|market| {
        let journal = market.run("one-till.yaml", "failed", 1, &[NOT_ONE]);
        assert_eq!(journal["run"], serde_json::json!([]));
    });
}

#[test]
fn row_1_3_a_terminating_pod_still_counts() {
    play(|market| {
        pod(market);
        market.run("one-till.yaml", "completed", 0, &[]);
    });
}

#[test]
fn row_1_4_after_a_pause_it_is_gone() {
    play(|market| {
        pod(market);
        market.run("one-till-later.yaml", "deviated", 1, &[NOT_ONE]);
        assert_eq!(market.pods(), [""; 0]);
    });
}

#[test]
fn row_1_5_and_1_6_without_its_database_a_pod_crashes_and_with_it_recovers() {
    play(|market| {
        pod(market);
        market.kubectl_until("wait-restarts", |pod| restarts(pod) == Some(2));
        market.run("open-till.yaml", "failed", 1, &[NOT_READY]);
        let said = |logs: &str| market.kubectl(logs).as_str().unwrap().to_owned();
        let previous = said("logs-previous");
        assert!(previous.contains("Starting the application\n"), "{previous}");
        assert!(previous.contains("panic: no reachable servers"), "{previous}");
        // While it dials again the log is that of a new life.
        assert!(said("logs").contains("Configuring DB ledger"), "{}", said("logs"));
        let shown = market.pods();
        assert!(shown[0].starts_with("till 0/1 ") && shown[0].contains(" 2 ("), "{shown:?}");

        market.kubectl("apply-db");
        market.kubectl_until("wait-pod", is_ready);
        market.run("open-till.yaml", "deviated", 1, &[NOT_ONE]);
    });
}

#[test]
fn row_1_7_a_deployment_replaces_its_pod() {
    play(|market| {
        market.kubectl("apply-db");
        deployment(market);
        let before = market.pods();
        market.run("open-till.yaml", "completed", 0, &[]);
        let after = market.pods();
        assert_eq!((before.len(), after.len()), (2, 2), "{before:?} {after:?}");
        assert_eq!(after.iter().filter(|pod| before.contains(pod)).count(), 1, "{before:?} {after:?}");
        let scale = market.kubectl("scale");
        assert_eq!(scale["spec"]["replicas"], 3, "{scale}");
        market.kubectl("delete-deployment");
        market.kubectl_until("delete-namespace", |namespace| namespace.is_none());
    });
}

#[test]
fn row_1_8_a_rollback_makes_a_pod_again() {
    play(|market| {
        market.kubectl("apply-db");
        pod(market);
        let before = market.kubectl_until("wait-pod", is_ready);
        let journal = market.run("reopened.yaml", "completed", 0, &[]);
        assert_eq!(journal["rollbacks"][0]["status"], "succeeded", "{journal}");
        let after = market.kubectl_until("wait-pod", is_ready);
        assert_ne!(before["metadata"]["uid"].as_str().unwrap(), after["metadata"]["uid"].as_str().unwrap());
        market.kubectl("delete-pod");
        market.kubectl_until("wait-gone", |pod| pod.is_none());
    });
}

#[test]
fn row_2_1_right_after_a_kill_the_replacement_is_pending() {
    play(|market| {
        system(market);
        market.run("healthy.yaml", "deviated", 1, &["the system is unhealthy"]);
    });
}

#[test]
fn row_2_2_after_a_pause_all_is_well() {
    play(|market| {
        system(market);
        market.run("healthy-later.yaml", "completed", 0, &[]);
    });
}

#[test]
fn row_2_3_one_replica_leaves_nobody_to_answer() {
    play(|market| {
        system(market);
        market.kubectl("apply-ingress");
        market.served();
        market.run(
            "served.yaml",
            "deviated",
            1,
            &["Steady state probe 'served' is not in the given tolerance"],
        );
    });
}

#[test]
fn row_2_4_two_replicas_answer_throughout() {
    play(|market| {
        two_replicas(market);
        market.run("served.yaml", "completed", 0, &[]);
    });
}

#[test]
fn row_2_5_without_their_database_they_hang() {
    play(|market| {
        two_replicas(market);
        market.run("served-db.yaml", "deviated", 1, &["activity took too long to complete"]);
    });
}

/// The bare Pod, running.
fn pod(market: &Market) {
    market.kubectl("apply-pod");
    market.kubectl_until("wait-running", |pod| pod.is_some_and(|pod| pod["status"]["phase"] == "Running"));
}

/// The Deployment, rolled out.
fn deployment(market: &Market) {
    market.kubectl("apply-deployment");
    market.kubectl_until("rollout-status", is_rolled_out);
}

/// Database and Deployment, rolled out.
fn system(market: &Market) {
    market.kubectl("apply-db");
    market.kubectl_until("rollout-status-db", is_rolled_out);
    deployment(market);
}

/// The same behind the ingress, and as many as the autoscaler wants at least.
fn two_replicas(market: &Market) {
    market.kubectl("apply-db");
    market.kubectl("apply-ingress");
    market.kubectl("apply-hpa");
    deployment(market);
    market.kubectl_until("wait-replicas", |deployment| {
        deployment.is_some_and(|deployment| deployment["status"]["readyReplicas"] == 2)
    });
    market.served();
}

fn restarts(pod: Option<&Value>) -> Option<u64> {
    pod?["status"]["containerStatuses"][0]["restartCount"].as_u64()
}

fn is_ready(pod: Option<&Value>) -> bool {
    let conditions = pod.and_then(|pod| pod["status"]["conditions"].as_array());
    conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// As `kubectl rollout status` sees it.
fn is_rolled_out(deployment: Option<&Value>) -> bool {
    let Some(Value::Object(deployment)) = deployment else { return false };
    let (spec, status) = (&deployment["spec"], &deployment["status"]);
    let current = status["observedGeneration"].as_u64() >= deployment["metadata"]["generation"].as_u64();
    let wanted = &spec["replicas"];
    current
        && ["updatedReplicas", "replicas", "availableReplicas"].iter().all(|count| &status[count] == wanted)
}
