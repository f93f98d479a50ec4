//! Creates what a file describes, of whatever kind: the Toolkit's old `start_microservice`.
//!
//! What the user sees: the objects exist; nothing is waited for, but a namesake that is still being deleted, which has to go
//! first. Unlike the Toolkit, whose function sends everything to the Deployments (so that the book's Pod file never worked), the
//! server is asked where a kind belongs, and a file may hold several documents. The undo deletes what we created and nothing
//! else: the creation is noted under a name of its own in `managedFields`, by which the undo knows it again.

use crate::k8s::args::{Namespace, Text};
use crate::k8s::cluster::target::Target;
use crate::k8s::cluster::{Cluster, ClusterRef};
use crate::k8s::object::{is_managed_by, is_terminating, name, uid};
use crate::k8s::pod::deprecated;
use crate::k8s::pod::recreate::{Created, create_once_gone, existence};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use squall_engine::{Act, Action, Failure, Look, Reach, Restore, Right, Spec, Stop, Undo};
use squall_experiment::check::{Nature, Returns};
use squall_experiment::event::Reverted;
use squall_experiment::load::{Format, load};
use squall_experiment::python::quoted;
use std::path::Path;
use std::time::Duration;

/// How long to wait, beyond its own grace period, for a namesake to go.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// A YAML or JSON file, relative to the working directory.
    spec_path: Text,
    /// Where objects are created that live in a namespace.
    #[serde(default)]
    ns: Namespace,
}

/// Creates what a file describes.
pub(crate) struct Start;

impl Action for Start {
    const SPEC: Spec = Spec {
        name: "k8s.legacy.start_microservice",
        aliases: &["chaosk8s.actions.start_microservice"],
        summary: "Create what a file describes (old name)",
        docs: "Creates each object of a YAML or JSON file, of whatever kind, in the namespace `ns`, and returns nothing. A namesake \
               that is being deleted is waited for. Put back, what was created is deleted; the server notes the creation in the \
               object's `managedFields`, under a manager `chaos-create-…`, by which it is known again.",
        example: "{spec_path: web.yaml, ns: shop}",
        rights: &[Right { verbs: &["get", "create", "delete"], group: "*", resource: "*" }],
        reach: Reach::Namespace,
        nature: Nature { stays: true, ..Nature::returning(Returns::Nothing) },
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Did = ();

    async fn act(args: &Args, cx: &Act) -> Result<(), Stop> {
        deprecated(cx, "start_microservice", "create_deployment");
        let ns = args.ns.name();
        let cluster = Cluster::of(cx)?;
        for object in read(&args.spec_path.shown())? {
            let (Some(api_version), Some(kind)) = (object["apiVersion"].as_str(), object["kind"].as_str())
            else {
                return Err(Failure::experiment(format!(
                    "an object of {} has no apiVersion or no kind",
                    args.spec_path.shown()
                ))
                .into());
            };
            if name(&object).is_empty() {
                return Err(Failure::experiment(format!(
                    "a {kind} of {} has no name",
                    args.spec_path.shown()
                ))
                .hint("an object that is to be found again needs metadata.name; generateName is not enough")
                .into());
            }
            let target = cluster.serves(cx, api_version, kind).await?.within(&ns).named(name(&object));
            let undo = DeleteCreated {
                cluster: cluster.reference().clone(),
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                plural: target.resource.plural.to_string(),
                namespace: target.namespace.clone(),
                name: name(&object).to_owned(),
                manager: format!("chaos-create-{}", cx.now().as_microsecond()),
            };
            let manager = undo.manager.clone();
            let armed = cx.arm(undo).await?;
            match create_once_gone(&cluster, cx, &armed, &target, &manager, &object, PATIENCE).await? {
                Created::New => {}
                Created::Exists(refusal) => {
                    cx.disarm(armed);
                    return Err(refusal.failure().into());
                }
            }
        }
        Ok(())
    }
}

/// The objects of a file. What is wrong with it is told as in the Toolkit.
fn read(path: &str) -> Result<Vec<Json>, Failure> {
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::experiment(format!("[Errno 2] No such file or directory: {}", quoted(path)))
                .class("FileNotFoundError")
                .hint("the path is relative to the working directory, not to the experiment")
        }
        _ => Failure::environment(format!("could not read {path}: {error}")),
    })?;
    let documents = match Path::new(path).extension().and_then(|its| its.to_str()) {
        Some("json") => vec![(Format::Json, bytes)],
        Some("yml" | "yaml") => documents(&bytes).into_iter().map(|text| (Format::Yaml, text)).collect(),
        _ => {
            return Err(Failure::experiment(format!("cannot process {path}"))
                .hint("it must end in .json, .yml or .yaml"));
        }
    };
    let mut objects = Vec::new();
    for (format, text) in documents {
        let draft = load(&text, format)
            .map_err(|error| Failure::experiment(format!("could not read {path}: {error}")))?;
        let mut object = draft.document.to_json();
        match object.get_mut("items").map(Json::take) {
            Some(Json::Array(items))
                if object["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) =>
            {
                objects.extend(items);
            }
            _ if object.is_null() => {}
            items => {
                if let Some(items) = items {
                    object["items"] = items;
                }
                objects.push(object);
            }
        }
    }
    Ok(objects)
}

/// The documents of a YAML file. A line that begins with `---` ends one, wherever it stands.
fn documents(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let marker =
            line.strip_prefix(b"---").is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace));
        if marker {
            all.push(Vec::new());
        }
        if let Some(last) = all.last_mut() {
            last.extend_from_slice(line);
        }
    }
    all
}

/// The undo of creating an object.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DeleteCreated {
    cluster: ClusterRef,
    api_version: String,
    kind: String,
    plural: String,
    /// None for what lives in no namespace.
    namespace: Option<String>,
    name: String,
    /// Under which name the server notes our creation.
    manager: String,
}

impl DeleteCreated {
    fn target(&self) -> Target {
        Target::of(&self.api_version, &self.kind, &self.plural, self.namespace.as_deref()).named(&self.name)
    }

    /// The UID of what we created, if it still exists and is not being deleted.
    async fn ours(&self, cluster: &Cluster, cx: &Look) -> Result<Option<String>, Failure> {
        let Some(now) = cluster.find(cx, &self.target()).await? else { return Ok(None) };
        let is_ours = is_managed_by(&now, &self.manager) && !is_terminating(&now);
        Ok(uid(&now).filter(|_| is_ours).map(str::to_owned))
    }
}

impl Undo for DeleteCreated {
    const KIND: &'static str = "k8s.delete-created";

    fn key(&self) -> String {
        existence(&self.target(), &self.cluster)
    }

    fn describe(&self) -> String {
        format!("delete {}, which was created", self.target())
    }

    async fn is_back(&self, cx: &Look) -> Result<bool, Failure> {
        let cluster = Cluster::again(&self.cluster, cx)?;
        Ok(self.ours(&cluster, cx).await?.is_none())
    }

    async fn revert(&self, cx: &Restore) -> Result<Reverted, Failure> {
        let cluster = Cluster::again(&self.cluster, cx)?;
        let Some(uid) = self.ours(&cluster, cx).await? else { return Ok(Reverted::AlreadyBack) };
        let options = json!({"preconditions": {"uid": uid}, "propagationPolicy": "Background"});
        match cluster.delete(cx, cx, &self.target(), &options).await {
            Ok(()) => Ok(Reverted::PutBack),
            // Gone, or another of the same name by now; or somebody else was quicker, and it is still there.
            Err(error) if error.is_missing() || error.status() == Some(409) => {
                match self.ours(&cluster, cx).await? {
                    None => Ok(Reverted::TargetGone),
                    Some(_) => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn check(name: &str, text: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        let read = match read(path) {
            Ok(objects) => Json::Array(objects).to_string(),
            Err(failure) => failure.classed().replace(path, "PATH"),
        };
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn files_are_read_as_the_toolkit_reads_them() {
        check("a.yaml", "kind: Pod", r#"[{"kind":"Pod"}]"#);
        check("a.yml", "---\nkind: A\n--- # next\nkind: B\n---\n", r#"[{"kind":"A"},{"kind":"B"}]"#);
        check("a.json", r#"{"kind": "List", "items": [{"a": 1}, {"a": 2}]}"#, r#"[{"a":1},{"a":2}]"#);
        check("a.txt", "x", "chaoslib.exceptions.ActivityFailed: cannot process PATH");
        let missing = read("/nowhere/x.yaml").unwrap_err().classed();
        assert_eq!(missing, "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/x.yaml'");
    }
}
