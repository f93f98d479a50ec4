//! What undos do: restore what was changed and nothing else, once or twice, late, and beside other people's edits.

use crate::play::{Scene, pass, scene};
use crate::stand_in::{StandIn, Told, status};
use serde_json::{Value as Json, json};
use squall_drivers::k8s::Clusters;
use squall_engine::Failure;
use squall_experiment::event::Reverted::{AlreadyBack, PutBack, TargetGone};
use squall_experiment::event::{Event, Reverted};

const WEB: &str = "/apis/apps/v1/namespaces/shop/deployments/web";
const POD: &str = "/api/v1/namespaces/shop/pods/bare";
const HERE: &[(&str, &str)] = &[("KUBERNETES_HOST", "http://in-process"), ("HOME", "/nowhere")];

/// A shop with a Deployment of three and a Pod that nobody owns.
fn shop() -> StandIn {
    let shop = StandIn::default();
    shop.put(
        WEB,
        json!({"metadata": {"name": "web", "namespace": "shop", "uid": "web-1"}, "spec": {"replicas": 3}}),
    );
    shop.put(
        POD,
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "bare", "namespace": "shop", "uid": "bare-1", "labels": {"app": "bare"}},
            "spec": {"containers": [{"name": "c", "image": "x"}]}
        }),
    );
    shop
}

async fn in_shop<T>(shop: &StandIn, act: impl AsyncFnOnce(&Scene) -> T) -> T {
    let clusters = Clusters::default();
    clusters.serve("in-process", shop.client()).unwrap();
    scene(clusters, HERE, act).await
}

fn words(outcomes: Vec<Result<Reverted, Failure>>) -> Vec<Reverted> {
    outcomes.into_iter().map(Result::unwrap).collect()
}

fn replicas(shop: &StandIn) -> Json {
    shop.object(WEB).unwrap()["spec"]["replicas"].clone()
}

/// Scales to zero, lets `meanwhile` happen, and reverts twice.
async fn scaled(meanwhile: impl FnOnce(&StandIn), expected: [Reverted; 2], replicas_after: Option<i64>) {
    let shop = shop();
    in_shop(&shop, async |scene| {
        let scale = json!({"name": "web", "replicas": 0, "ns": "shop"});
        assert_eq!(scene.told("chaosk8s.deployment.actions.scale_deployment", scale).await, "null");
        assert_eq!(replicas(&shop), 0);
        meanwhile(&shop);
        assert_eq!(words(scene.revert().await), [expected[0]]);
        assert_eq!(words(scene.revert().await), [expected[1]]);
        assert_eq!(shop.object(WEB).map(|web| web["spec"]["replicas"].as_i64().unwrap()), replicas_after);
    })
    .await;
}

/// Changes the Deployment as somebody else would.
fn edit(shop: &StandIn, change: impl FnOnce(&mut Json)) {
    let mut web = shop.object(WEB).unwrap();
    change(&mut web);
    shop.put(WEB, web);
}

#[tokio::test(start_paused = true)]
async fn a_scaled_deployment_gets_its_number_back_and_nothing_else() {
    scaled(|_| {}, [PutBack, AlreadyBack], Some(3)).await;
    scaled(
        |shop| edit(shop, |web| web["metadata"]["labels"] = json!({"a": "b"})),
        [PutBack, AlreadyBack],
        Some(3),
    )
    .await;
    scaled(|shop| edit(shop, |web| web["spec"]["replicas"] = json!(3)), [AlreadyBack, AlreadyBack], Some(3))
        .await;
    let theirs = |web: &mut Json| {
        web["spec"]["replicas"] = json!(7);
        web["metadata"]["managedFields"] =
            json!([{"manager": "kubectl", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]);
    };
    scaled(|shop| edit(shop, theirs), [AlreadyBack, AlreadyBack], Some(7)).await;
    scaled(
        |shop| edit(shop, |web| web["metadata"]["uid"] = json!("web-2")),
        [TargetGone, TargetGone],
        Some(0),
    )
    .await;
    scaled(|shop| drop(shop.take(WEB)), [TargetGone, TargetGone], None).await;
}

#[tokio::test(start_paused = true)]
async fn another_edit_survives_beside_the_undo() {
    let shop = shop();
    in_shop(&shop, async |scene| {
        let scale = json!({"name": "web", "replicas": 0, "ns": "shop"});
        scene.told("k8s.deployment.scale", scale).await;
        // Between the undo's read and its patch somebody changes the image, and once the number, too.
        let mut edits = 0;
        shop.hook(move |_, asked| {
            edits += usize::from(asked.method == "PATCH");
            (asked.method == "PATCH" && edits == 1)
                .then(|| status(409, "Conflict", "the object has been modified"))
        });
        assert_eq!(words(scene.revert().await), [PutBack]);
        assert_eq!(replicas(&shop), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_two_scalings_the_number_before_both_comes_back() {
    let shop = shop();
    in_shop(&shop, async |scene| {
        for number in [1, 0] {
            let scale = json!({"name": "web", "replicas": number, "ns": "shop"});
            scene.told("k8s.deployment.scale", scale).await;
        }
        assert_eq!(words(scene.revert().await), [PutBack]);
        assert_eq!(replicas(&shop), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_without_owner_comes_back_once() {
    let shop = shop();
    let before = shop.snapshot();
    in_shop(&shop, async |scene| {
        let terminate = json!({"label_selector": "app=bare", "ns": "shop"});
        assert_eq!(scene.told("k8s.pod.terminate", terminate).await, r#"["bare"]"#);
        assert!(shop.object(POD).is_none());
        assert_eq!(words(scene.revert().await), [PutBack]);
        assert_eq!(words(scene.revert().await), [AlreadyBack]);
        assert_eq!(shop.snapshot(), before);
        // A namesake is left alone.
        let other = json!({"metadata": {"name": "bare", "uid": "theirs"}, "spec": {}});
        shop.put(POD, other.clone());
        assert_eq!(words(scene.revert().await), [AlreadyBack]);
        assert_eq!(shop.object(POD).unwrap(), other);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_terminating_namesake_is_waited_for() {
    let shop = shop();
    in_shop(&shop, async |scene| {
        scene.told("k8s.pod.terminate", json!({"label_selector": "app=bare", "ns": "shop"})).await;
        let going = json!({"metadata": {"name": "bare", "uid": "bare-1", "deletionTimestamp": "t", "deletionGracePeriodSeconds": 30}});
        shop.put(POD, going);
        let gone = shop.clone();
        tokio::join!(
            async {
                pass(std::time::Duration::from_secs(29)).await;
                gone.take(POD);
            },
            async { assert_eq!(words(scene.revert().await), [PutBack]) },
        );
        assert_eq!(shop.object(POD).unwrap()["spec"]["containers"][0]["image"], "x");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_owned_pod_heals_and_its_owner_is_waited_for() {
    let shop = StandIn::default();
    let path = |name: &str| format!("/api/v1/namespaces/shop/pods/{name}");
    let pod = |name: &str| {
        let owner = json!({"kind": "ReplicaSet", "name": "web-5", "uid": "rs", "controller": true});
        json!({"metadata": {"name": name, "uid": name, "ownerReferences": [owner]}, "status": {"phase": "Running"}})
    };
    shop.put(&path("a"), pod("a"));
    shop.put(&path("b"), pod("b"));
    in_shop(&shop, async |scene| {
        let replaces = shop.clone();
        let replace = async {
            pass(std::time::Duration::from_millis(30)).await;
            replaces.put(&path("c"), pod("c"));
        };
        let terminate = scene.told("k8s.pod.terminate", json!({"ns": "shop"}));
        let (_, told) = tokio::join!(replace, terminate);
        assert_eq!(told, r#"["a"]"#);
        let lists = shop.asked().into_iter().filter(|asked| asked.method == "GET").count();
        assert_eq!(lists, 3, "the first, one too early, and one that sees the replacement");
        let heals = scene.events().into_iter().find_map(|event| match event {
            Event::Heals { what, healer, .. } => Some(format!("{what} by {healer}")),
            _ => None,
        });
        assert_eq!(heals.unwrap(), "Pod shop/a by its ReplicaSet web-5");
        assert!(scene.revert().await.is_empty());
        // Nobody replaces this one.
        let started = tokio::time::Instant::now();
        assert_eq!(scene.told("k8s.pod.terminate", json!({"ns": "shop"})).await, r#"["b"]"#);
        assert_eq!(started.elapsed().as_millis(), 500);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_created_is_deleted_again_and_a_namesake_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\nkind: Pod\napiVersion: v1\nmetadata: {name: p}\n").unwrap();
    let start = json!({"spec_path": file.to_str().unwrap(), "ns": "shop"});
    let (config, pod) = ("/api/v1/namespaces/shop/configmaps/c", "/api/v1/namespaces/shop/pods/p");
    let shop = shop();
    let before = shop.snapshot();
    in_shop(&shop, async |scene| {
        assert_eq!(scene.told("chaosk8s.actions.start_microservice", start.clone()).await, "null");
        assert!(shop.object(config).is_some() && shop.object(pod).is_some());
        assert_eq!(words(scene.revert().await), [PutBack, PutBack]);
        assert_eq!(words(scene.revert().await), [AlreadyBack, AlreadyBack]);
        assert_eq!(shop.snapshot(), before);
        let theirs =
            json!({"metadata": {"name": "c", "uid": "theirs", "managedFields": [{"manager": "kubectl"}]}});
        shop.put(config, theirs.clone());
        let refused = scene.told("chaosk8s.actions.start_microservice", start).await;
        assert!(refused.starts_with("kubernetes.client.exceptions.ApiException: (409)"), "{refused}");
        scene.revert().await;
        assert_eq!(shop.object(config).unwrap(), theirs);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_change_does_not_hide_a_later_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bare.yaml");
    std::fs::write(&file, "apiVersion: v1\nkind: Pod\nmetadata: {name: bare}\n").unwrap();
    let shop = shop();
    let before = shop.snapshot();
    in_shop(&shop, async |scene| {
        let start = json!({"spec_path": file.to_str().unwrap(), "ns": "shop"});
        let refused = scene.told("chaosk8s.actions.start_microservice", start).await;
        assert!(refused.contains("AlreadyExists"), "{refused}");
        scene.told("k8s.pod.terminate", json!({"label_selector": "app=bare", "ns": "shop"})).await;
        assert!(shop.object(POD).is_none());
        assert_eq!(
            words(scene.revert().await),
            [PutBack],
            "the undo of the deletion, not that of the creation"
        );
        assert_eq!(shop.snapshot(), before);
    })
    .await;
    // What somebody else deleted before us is not created again.
    let other = self::shop();
    other.hook(|_, asked| {
        (asked.method == "DELETE").then(|| status(404, "NotFound", "pods \"bare\" not found"))
    });
    in_shop(&other, async |scene| {
        scene.told("k8s.pod.terminate", json!({"label_selector": "app=bare", "ns": "shop"})).await;
        other.take(POD);
        // What was told without waiting has to reach the log first.
        pass(std::time::Duration::from_millis(1)).await;
        assert!(scene.revert().await.is_empty());
    })
    .await;
}

/// Scales, then lets everything after it be answered by something that is no API server; the undo must not be done with.
async fn disbelieved(method: &'static str, answer: fn() -> Told, expected: &str) {
    let shop = shop();
    in_shop(&shop, async |scene| {
        scene.told("k8s.deployment.scale", json!({"name": "web", "replicas": 0, "ns": "shop"})).await;
        shop.hook(move |_, asked| (asked.method == method).then(answer));
        let why = scene.revert().await.remove(0).unwrap_err().what;
        assert!(why.contains(expected), "{why}");
        shop.hook(|_, _| None);
        assert_eq!(words(scene.revert().await), [PutBack]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_the_api_servers_closes_no_undo() {
    for method in ["GET", "PATCH"] {
        disbelieved(
            method,
            || Told::Json(200, Vec::new(), json!({"ok": true})),
            "is not Deployment shop/web",
        )
        .await;
        disbelieved(method, || Told::Json(404, Vec::new(), json!({"error": "no route"})), "(404)").await;
        disbelieved(method, || Told::Text(404, "404 page not found".to_owned()), "(404)").await;
    }
    let other = || {
        let web = json!({"metadata": {"name": "web", "uid": "web-1"}, "spec": {"replicas": 1}});
        Told::Json(200, Vec::new(), web)
    };
    disbelieved("PATCH", other, "has 1 replicas").await;
}

/// Lets the caller die at each request in turn, before it arrives and after it was carried out; then everything is put back.
async fn crash_everywhere(call: &str, arguments: Json) {
    for carried_out in [false, true] {
        for at in 0.. {
            let shop = shop();
            let before = shop.snapshot();
            let completed = in_shop(&shop, async |scene| {
                shop.cut(at, carried_out);
                let told = scene.told(call, arguments.clone()).await;
                shop.mend();
                for outcome in scene.revert().await {
                    outcome.unwrap();
                }
                assert_eq!(
                    shop.snapshot(),
                    before,
                    "{call}, line cut at request {at}, carried out: {carried_out}"
                );
                words(scene.revert().await);
                assert_eq!(shop.snapshot(), before, "a second time");
                !told.contains("MaxRetryError")
            })
            .await;
            if completed {
                assert!(at > 1, "{call} makes requests");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_request_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n").unwrap();
    crash_everywhere("k8s.deployment.scale", json!({"name": "web", "replicas": 0, "ns": "shop"})).await;
    crash_everywhere("k8s.pod.terminate", json!({"label_selector": "app=bare", "ns": "shop"})).await;
    crash_everywhere(
        "chaosk8s.actions.start_microservice",
        json!({"spec_path": file.to_str().unwrap(), "ns": "shop"}),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn names_of_deleted_pods_are_not_lost() {
    let shop = StandIn::default();
    for name in ["a", "b", "c"] {
        let pod = json!({"metadata": {"name": name, "uid": name}, "spec": {}});
        shop.put(&format!("/api/v1/namespaces/shop/pods/{name}"), pod);
    }
    // `b` is refused, after `a` is gone.
    shop.hook(|_, asked| {
        (asked.method == "DELETE" && asked.path.ends_with("/b"))
            .then(|| status(403, "Forbidden", "pods \"b\" is forbidden: User \"me\" cannot delete resource"))
    });
    in_shop(&shop, async |scene| {
        let all = json!({"ns": "shop", "all": true});
        let failure = match scene.play("k8s.pod.terminate", &all, &Json::Null).await {
            Err(squall_engine::Stop::Failed(failure)) => failure,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            failure.hint.unwrap(),
            "grant user me the right to delete pods in namespace shop; already deleted: a"
        );
        assert_eq!(words(scene.revert().await), [AlreadyBack, PutBack], "b was not deleted, a was");
    })
    .await;
    lost_answers_are_not_failures().await;
}

async fn lost_answers_are_not_failures() {
    // A DELETE whose answer is lost is repeated, and that it finds nothing then is no failure.
    let shop = self::shop();
    let mut lost = false;
    shop.hook(move |_, asked| {
        let first = asked.method == "DELETE" && !lost;
        lost |= first;
        first.then_some(Told::Lost)
    });
    in_shop(&shop, async |scene| {
        let told = scene.told("k8s.pod.terminate", json!({"label_selector": "app=bare", "ns": "shop"})).await;
        assert_eq!(told, r#"["bare"]"#);
        assert_eq!(shop.asked().len(), 3);
        // A creation whose answer is lost is known again by its manager.
        let mut lost = false;
        shop.hook(move |_, asked| {
            let first = asked.method == "POST" && !lost;
            lost |= first;
            first.then_some(Told::Lost)
        });
        assert_eq!(words(scene.revert().await), [PutBack]);
        let methods: Vec<String> = shop.asked().into_iter().map(|asked| asked.method).collect();
        assert_eq!(methods, ["GET", "POST", "POST", "GET"]);
    })
    .await;
}
