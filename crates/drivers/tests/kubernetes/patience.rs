//! Slow, busy and broken servers, in paused time: how often we ask, how long we wait, and what is said in the end.

use crate::play::{pass, scene};
use crate::stand_in::{Asked, StandIn, Told, status};
use serde_json::{Value as Json, json};
use squall_drivers::k8s::Clusters;
use squall_engine::stop::Signal;
use std::time::Duration;
use tokio::time::Instant;

const COUNT: &str = "chaosk8s.pod.probes.count_pods";
const HERE: &[(&str, &str)] = &[("KUBERNETES_HOST", "http://in-process"), ("HOME", "/nowhere")];

/// Counts Pods on a server that answers by `hook`: what came of it, how many requests it took and how many seconds.
async fn count(
    env: &[(&str, &str)],
    hook: impl FnMut(usize, &Asked) -> Option<Told> + Send + 'static,
) -> (String, usize, f64) {
    let server = StandIn::default();
    server.hook(hook);
    let clusters = Clusters::default();
    clusters.serve("in-process", server.client()).unwrap();
    let env: Vec<_> = HERE.iter().chain(env).copied().collect();
    scene(clusters, &env, async |scene| {
        let started = Instant::now();
        let told = scene.told(COUNT, json!({"label_selector": "a=b"})).await;
        (told, server.asked().len(), started.elapsed().as_secs_f64())
    })
    .await
}

fn busy(code: u16, retry_after: Option<&str>) -> Told {
    let Told::Json(code, _, body) = status(code, "TooManyRequests", "wait") else { unreachable!() };
    Told::Json(
        code,
        retry_after.map(|seconds| ("Retry-After", seconds.to_owned())).into_iter().collect(),
        body,
    )
}

#[tokio::test(start_paused = true)]
async fn a_server_that_recovers_is_asked_again() {
    for code in [429, 500, 502, 503, 504] {
        let (told, asked, took) = count(&[], move |number, _| (number < 3).then(|| busy(code, None))).await;
        assert_eq!((told.as_str(), asked), ("0", 4), "{code}");
        assert!((1.4..2.2).contains(&took), "{took} s");
    }
    let (told, asked, took) = count(&[], |number, _| (number == 0).then(|| busy(429, Some("7")))).await;
    assert_eq!((told.as_str(), asked), ("0", 2));
    assert!((7.0..7.5).contains(&took), "{took} s");
    let (told, asked, _) = count(&[], |number, _| (number < 2).then_some(Told::Dropped)).await;
    assert_eq!((told.as_str(), asked), ("0", 3));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_recover_is_given_up() {
    let (told, asked, took) = count(&[], |_, _| Some(busy(503, None))).await;
    assert!(
        told.starts_with("kubernetes.client.exceptions.ApiException: (503)\nReason: Service Unavailable"),
        "{told}"
    );
    assert_eq!(asked, 4);
    assert!(took < 3.0);
    // Nobody waits for an hour.
    let (_, asked, took) = count(&[], |_, _| Some(busy(429, Some("3600")))).await;
    assert_eq!((asked, took), (1, 0.0));
    // What is the caller's fault is not repeated.
    for code in [400, 401, 403, 404, 409, 422] {
        let (_, asked, _) = count(&[], move |_, _| Some(busy(code, None))).await;
        assert_eq!(asked, 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_meets_the_time_limit() {
    let (told, asked, took) = count(&[], |_, _| Some(Told::Never)).await;
    assert_eq!(
        told,
        "urllib3.exceptions.MaxRetryError: HTTPConnectionPool(host='in-process', port=80): Max retries exceeded with url: \
         /api/v1/namespaces/default/pods?labelSelector=a%3Db (Caused by \
         ReadTimeoutError(\"HTTPConnectionPool(host='in-process', port=80): Read timed out. (read timeout=30)\"))"
    );
    assert_eq!((asked, took.round()), (1, 30.0));
    let (told, _, took) = count(&[("CHAOS_KUBERNETES_TIMEOUT", "2.5")], |_, _| Some(Told::Never)).await;
    assert!(told.contains("(read timeout=2.5)"), "{told}");
    assert!((2.5..2.6).contains(&took));
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_while_a_server_hangs() {
    let server = StandIn::default();
    server.hook(|_, _| Some(Told::Never));
    let clusters = Clusters::default();
    clusters.serve("in-process", server.client()).unwrap();
    scene(clusters, HERE, async |scene| {
        let started = Instant::now();
        let stop = async {
            pass(Duration::from_secs(3)).await;
            scene.stage.request_stop(Signal::Interrupt);
        };
        let (_, told) = tokio::join!(stop, scene.told(COUNT, json!({"label_selector": "a=b"})));
        assert_eq!(told, "cancelled");
        assert_eq!(started.elapsed().as_secs(), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn long_lists_come_in_pages() {
    let fill = |server: &StandIn| {
        for number in 0..1201 {
            let pod = json!({"metadata": {"name": format!("p{number:04}"), "labels": {"a": "b"}}});
            server.put(&format!("/api/v1/namespaces/default/pods/p{number:04}"), pod);
        }
    };
    for expired in [false, true] {
        let server = StandIn::default();
        fill(&server);
        server.hook(move |number, _| {
            (expired && number == 1).then(|| status(410, "Expired", "the list is too old"))
        });
        let clusters = Clusters::default();
        clusters.serve("in-process", server.client()).unwrap();
        let told =
            scene(clusters, HERE, async |scene| scene.told(COUNT, json!({"label_selector": "a=b"})).await)
                .await;
        assert_eq!(told, "1201");
        let pages: Vec<Option<String>> =
            server.asked().into_iter().map(|asked| asked.query.get("continue").cloned()).collect();
        let page = |number: usize| Some(number.to_string());
        let expected = if expired {
            vec![None, page(500), None, page(500), page(1000)]
        } else {
            vec![None, page(500), page(1000)]
        };
        assert_eq!(pages, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_json_is_told() {
    let (told, ..) = count(&[], |_, _| Some(Told::Text(200, "<html>log in</html>".to_owned()))).await;
    assert!(told.contains("the server's answer is no JSON"), "{told}");
    let (told, ..) = count(&[], |_, _| Some(Told::Json(200, Vec::new(), Json::Null))).await;
    assert_eq!(told, "0");
}
