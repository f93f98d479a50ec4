//! The calls that were recorded of the Toolkit's Python functions (client 29), played by ours against a stand-in that has the
//! same objects: same requests in substance, same result or failure text.
//!
//! What may differ is listed here, and nothing else: more careful requests ([`ours_in_their_terms`]), random choices, and the
//! weak spots that we repair ([`REPAIRED`]).

use crate::play::{scene, told};
use crate::stand_in::{Asked, StandIn, Told};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use squall_drivers::k8s::Clusters;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tokio::task::JoinSet;

/// Calls whose result is another, with what it is and why. The numbers are those of the list of weak spots.
const REPAIRED: &[(&str, &str, &str)] = &[
    (
        "terminate a pod which is already gone",
        r#"["b-2","c-3"]"#,
        "W30: a Pod that went by itself does not end the action half-way; the others are deleted and named",
    ),
    (
        "start_microservice on a Pod file, as the book's terminate-pod-start does",
        "null",
        "section 3.9: each kind is created where it belongs, so that the book's rollback works",
    ),
];

/// Calls whose change is not sent, because the read that comes first was refused in the same way, with the same text.
const UNSENT: &[&str] = &["scale missing"];

/// Calls that choose at random: any choice of that size will do.
const RANDOM: &[&str] = &["terminate rand", "terminate rand qty 2"];

#[derive(Deserialize)]
struct Recorded {
    files: BTreeMap<String, String>,
    calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Call {
    scenario: String,
    call: String,
    arguments: Json,
    #[serde(default)]
    secrets: Json,
    #[serde(default)]
    state_before: Vec<Put>,
    #[serde(default)]
    pod_logs: BTreeMap<String, String>,
    #[serde(default)]
    requests: Vec<Requested>,
    returned: Option<Json>,
    failed: Option<String>,
}

#[derive(Deserialize)]
struct Put {
    path: String,
    object: Json,
}

#[derive(Deserialize, Clone)]
struct Requested {
    method: String,
    path: String,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    body: Json,
    content_type: Option<String>,
    authorization: Option<String>,
    answered: Answered,
}

#[derive(Deserialize, Clone)]
struct Answered {
    status: u16,
    #[serde(default)]
    body: Json,
}

#[tokio::test]
async fn the_recorded_calls_are_played_as_by_the_toolkit() {
    let recorded: Recorded = serde_json::from_str(include_str!("transcripts.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in &recorded.files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let number = recorded.calls.len();
    let mut all = JoinSet::new();
    for call in recorded.calls {
        let folder = folder.path().to_owned();
        all.spawn(
            async move { replay(&call, &folder).await.map_err(|why| format!("{}: {why}", call.scenario)) },
        );
    }
    let wrong: Vec<String> = all.join_all().await.into_iter().filter_map(Result::err).collect();
    assert_eq!(wrong.join("\n"), "", "{} of {number} calls differ", wrong.len());
    assert_eq!(number, 74);
    println!("{number} recorded calls replayed, {} of them repaired", REPAIRED.len());
}

async fn replay(call: &Call, folder: &Path) -> Result<(), String> {
    let stand_in = StandIn::default();
    for Put { path, object } in &call.state_before {
        stand_in.put(path, object.clone());
    }
    for (pod, text) in &call.pod_logs {
        stand_in.log(pod, text);
    }
    // Errors were the recorded server's own doing, so they are answered as they were.
    let errors: Vec<Requested> =
        call.requests.iter().filter(|its| its.answered.status >= 400).cloned().collect();
    stand_in.hook(move |_, asked| {
        let same = |its: &&Requested| its.method == asked.method && its.path == asked.path;
        let its = errors.iter().find(same)?;
        Some(Told::Json(its.answered.status, Vec::new(), its.answered.body.clone()))
    });
    let mut tasks = JoinSet::new();
    let port = stand_in.listen(&mut tasks).await;
    let kubeconfig = folder.join(format!("kubeconfig-{port}"));
    std::fs::write(&kubeconfig, kubeconfig_for(port)).unwrap();
    let env = [("KUBECONFIG", kubeconfig.to_str().unwrap())];

    let arguments = fill(&call.arguments, folder);
    let ended = scene(Clusters::default(), &env, async |scene| {
        scene.play(&call.call, &arguments, &call.secrets).await
    })
    .await;
    let asked = stand_in.asked();

    let got = masked(&told(&ended), &kubeconfig);
    let repaired = REPAIRED.iter().find(|(scenario, ..)| *scenario == call.scenario);
    let expected = match (repaired, &call.returned, &call.failed) {
        (Some((_, result, _)), ..) => (*result).to_owned(),
        (None, _, Some(failed)) => masked(failed, &kubeconfig),
        (None, returned, None) => returned.clone().unwrap_or_default().to_string(),
    };
    let is_random = RANDOM.contains(&call.scenario.as_str());
    if is_random {
        let names: BTreeSet<String> = serde_json::from_str(&got).map_err(|_| got.clone())?;
        let theirs: BTreeSet<String> = serde_json::from_str(&expected).unwrap();
        let known: BTreeSet<String> = ["a-1", "b-2", "c-3"].map(str::to_owned).into();
        if names.len() != theirs.len() || !names.is_subset(&known) {
            return Err(format!("chose {names:?}"));
        }
    } else if got != expected {
        return Err(format!("\n  theirs {expected}\n  ours   {got}"));
    }
    let ours = ours_in_their_terms(&asked, call)?;
    let mut theirs: Vec<String> = call.requests.iter().map(|its| line(its, is_random)).collect();
    let mut ours: Vec<String> = ours.iter().map(|its| line(its, is_random)).collect();
    if repaired.is_some() {
        // Up to where the Toolkit gave up; what else is done there is tested elsewhere.
        let shared = theirs.iter().zip(&ours).take_while(|(theirs, ours)| theirs == ours).count();
        theirs.truncate(shared);
        ours.truncate(shared);
    }
    if UNSENT.contains(&call.scenario.as_str()) {
        let read: Vec<&str> = asked.iter().map(|asked| asked.path.as_str()).collect();
        let changed: Vec<&str> = call.requests.iter().map(|its| its.path.as_str()).collect();
        if read != changed {
            return Err(format!("read {read:?} in place of changing {changed:?}"));
        }
        theirs.clear();
    }
    if theirs != ours {
        return Err(format!("\n  theirs {theirs:#?}\n  ours   {ours:#?}"));
    }
    Ok(())
}

/// Our requests without what makes them more careful than the Toolkit's:
/// - lists are paged (`limit`), and Pods are listed again after they were deleted, to see that their owners noticed;
/// - an object is read before it is patched, so that the patch can be undone;
/// - a DELETE names the UID that was seen;
/// - a change names its field manager.
fn ours_in_their_terms(asked: &[Asked], call: &Call) -> Result<Vec<Requested>, String> {
    let mut ours = Vec::new();
    let mut has_deleted = false;
    for asked in asked {
        let mut asked = asked.clone();
        match asked.method.as_str() {
            "GET" => {
                let is_list = asked.query.remove("limit").is_some();
                let is_log = asked.path.ends_with("/log");
                if (is_list && has_deleted) || !(is_list || is_log) {
                    continue;
                }
            }
            "DELETE" => {
                has_deleted = true;
                let uid = asked.body["preconditions"]["uid"].take();
                let seen = call.state_before.iter().find(|put| put.path == asked.path);
                if seen.is_some_and(|put| put.object["metadata"]["uid"] != uid) {
                    return Err(format!("DELETE {} with another UID than that of the object", asked.path));
                }
                asked.body.as_object_mut().unwrap().remove("preconditions");
            }
            _ => {
                asked.query.remove("fieldManager");
            }
        }
        let Asked { method, path, query, authorization, content_type, body } = asked;
        let answered = Answered { status: 0, body: Json::Null };
        ours.push(Requested { method, path, query, body, content_type, authorization, answered });
    }
    Ok(ours)
}

fn line(request: &Requested, is_random: bool) -> String {
    let Requested { method, path, query, body, content_type, authorization, .. } = request;
    // Which Pod was chosen is not to be compared.
    let path = if is_random && method == "DELETE" { "…" } else { path };
    format!("{method} {path} {query:?} {body} {content_type:?} {authorization:?}")
}

/// Without what differs from server to server: the headers of an answer, and where the kubeconfig is.
fn masked(text: &str, kubeconfig: &Path) -> String {
    let mut text = text.replace(kubeconfig.to_str().unwrap(), "KUBECONFIG");
    if let (Some(from), Some(to)) = (text.find("HTTPHeaderDict({"), text.find("})\nHTTP response body")) {
        text.replace_range(from + 16..to, "…");
    }
    if let (Some(from), Some(to)) = (text.find(" in /tmp/"), text.find("/contexts list")) {
        text.replace_range(from + 4..to, "KUBECONFIG");
    }
    text
}

fn fill(arguments: &Json, folder: &Path) -> Json {
    let mut arguments = arguments.clone();
    if let Some(path) = arguments["spec_path"].as_str() {
        arguments["spec_path"] = json!(path.replace("$TMP", folder.to_str().unwrap()));
    } else if let Some(arguments) = arguments.as_object_mut() {
        // Looking for it put it there.
        arguments.remove("spec_path");
    }
    arguments
}

fn kubeconfig_for(port: u16) -> String {
    format!(
        "apiVersion: v1
kind: Config
current-context: default
clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]
contexts:
- {{name: default, context: {{cluster: c, user: default}}}}
- {{name: other, context: {{cluster: c, user: other}}}}
users:
- {{name: default, user: {{token: tok-default}}}}
- {{name: other, user: {{token: tok-other}}}}
"
    )
}
