//! The Toolkit's old name for terminating one Pod by its name: of those that match, only the first.

use super::deprecated;
use super::select::Selection;
use super::terminate::terminate;
use crate::k8s::args::{Flag, Namespace, Text};
use schemars::JsonSchema;
use serde::Deserialize;
use squall_engine::{Act, Action, Reach, Right, Spec, Stop};
use squall_experiment::check::{Nature, Returns};

/// Which Pod.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// A regular expression, found anywhere in the Pod's name.
    #[serde(default)]
    name: Text,
    /// Its namespace.
    #[serde(default)]
    ns: Namespace,
    /// Which Pods come into question, such as `app=web`.
    #[serde(default)]
    label_selector: Text,
}

/// Terminates the first Pod of a name.
pub(crate) struct Delete;

impl Action for Delete {
    const SPEC: Spec = Spec {
        name: "k8s.legacy.delete_pods",
        aliases: &["chaosk8s.pod.actions.delete_pods", "chaosk8s.actions.delete_pods"],
        summary: "Terminate one Pod (old name)",
        docs: "As `k8s.pod.terminate` with `name_pattern`, which is to be used instead: it deletes one Pod, the first that matches.",
        example: "{name: web, ns: shop}",
        rights: &[
            Right { verbs: &["list", "delete"], group: "", resource: "pods" },
            Right { verbs: &["get", "create"], group: "", resource: "pods" },
        ],
        reach: Reach::Namespace,
        deprecated: Some("k8s.pod.terminate"),
        nature: Nature { lags: true, ..Nature::returning(Returns::List) },
        ..Spec::DEFAULT
    };
    type Args = Args;
    type Did = Vec<String>;

    async fn act(args: &Args, cx: &Act) -> Result<Vec<String>, Stop> {
        deprecated(cx, "delete_pods", "terminate_pods");
        let selection = Selection {
            labels: args.label_selector.given(),
            name_pattern: args.name.given(),
            all: &Flag::off(),
            rand: &Flag::off(),
            mode: &"fixed".into(),
            qty: &1.into(),
            order: &"alphabetic".into(),
        };
        terminate(&selection, &(-1).into(), &args.ns.name(), cx).await
    }
}
