//! Whether a Pod fits on a node, how well, and the words for why it does not.

use crate::api::PODS_OF_NODE;
use crate::controllers::Context;
use crate::controllers::kinds::CLAIMS;
use crate::controllers::object::{
    amount, controller, has_labels, label, list, namespace, requests, selects, text,
};
use crate::store::Key;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a node offers if it does not say: cores in thousandths, bytes, Pods.
const OFFER: (i64, i64, i64) = (8000, 16 << 30, PODS_OF_NODE as i64);
/// What a Pod that asks for nothing counts as when nodes are compared: thousandths of a core, bytes.
const MODEST: (i64, i64) = (100, 200 << 20);

/// A node, and the Pods on it.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// What it offers; nothing if there is no such node (any more).
    pub(super) offer: Option<Offer>,
    pods: BTreeMap<Key, Wish>,
    /// What its Pods ask for: thousandths of a core, bytes.
    used: (i64, i64),
    /// The same, with something for those that ask for nothing.
    compared: (i64, i64),
    /// How many of its Pods each owner has.
    siblings: BTreeMap<String, usize>,
    /// Those of its Pods that are particular about others.
    particular: BTreeSet<Key>,
}

/// What a node offers and demands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Offer {
    millicores: i64,
    bytes: i64,
    pods: i64,
    unschedulable: bool,
    labels: Json,
    name: String,
    taints: Vec<Json>,
}

impl Offer {
    pub(super) fn of(node: &Json) -> Offer {
        let offers = |resource: &str, default: i64| {
            let quantity = &node["status"]["allocatable"][resource];
            if quantity.is_null() { default } else { amount(quantity, resource) }
        };
        Offer {
            millicores: offers("cpu", OFFER.0),
            bytes: offers("memory", OFFER.1),
            pods: offers("pods", OFFER.2),
            unschedulable: node["spec"]["unschedulable"] == true,
            labels: node["metadata"]["labels"].clone(),
            name: crate::controllers::object::name(node).to_owned(),
            taints: list(node, "/spec/taints").to_vec(),
        }
    }
}

/// What a Pod asks for.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    millicores: i64,
    bytes: i64,
    owner: String,
    pod: Arc<Json>,
}

impl Wish {
    pub(super) fn of(pod: &Json) -> Wish {
        // Only what is looked at later is kept.
        let kept = json!({
            "metadata": {"namespace": namespace(pod), "labels": pod["metadata"]["labels"].clone()},
            "spec": {
                "nodeSelector": pod["spec"]["nodeSelector"].clone(), "affinity": pod["spec"]["affinity"].clone(),
                "tolerations": pod["spec"]["tolerations"].clone(),
            },
        });
        Wish {
            millicores: requests(pod, "cpu"),
            bytes: requests(pod, "memory"),
            owner: controller(pod).map_or("", |owner| text(owner, "/uid")).to_owned(),
            pod: Arc::new(kept),
        }
    }

    /// What it counts as when nodes are compared.
    fn compared(&self) -> (i64, i64) {
        let ask = |asked: i64, modest: i64| if asked == 0 { modest } else { asked };
        (ask(self.millicores, MODEST.0), ask(self.bytes, MODEST.1))
    }
}

impl Node {
    pub(super) fn take(&mut self, key: &Key, wish: Wish) {
        self.count(&wish, 1);
        *self.siblings.entry(wish.owner.clone()).or_default() += 1;
        if !wish.pod["spec"]["affinity"].is_null() {
            self.particular.insert(key.clone());
        }
        self.pods.insert(key.clone(), wish);
    }

    pub(super) fn leave(&mut self, key: &Key) {
        let Some(wish) = self.pods.remove(key) else { return };
        self.count(&wish, -1);
        self.particular.remove(key);
        if let Some(siblings) = self.siblings.get_mut(&wish.owner) {
            *siblings -= 1;
            if *siblings == 0 {
                self.siblings.remove(&wish.owner);
            }
        }
    }

    fn count(&mut self, wish: &Wish, times: i64) {
        let (asked, compared) = ((wish.millicores, wish.bytes), wish.compared());
        for (sum, asked) in [(&mut self.used, asked), (&mut self.compared, compared)] {
            sum.0 = sum.0.saturating_add(asked.0.saturating_mul(times));
            sum.1 = sum.1.saturating_add(asked.1.saturating_mul(times));
        }
    }
}

/// Why a node is out: the words, and whether it would help to evict Pods from it.
type Reason = (String, bool);

/// The best node for a Pod.
///
/// `claims` is what its volumes wait for, if they do.
///
/// # Errors
/// Why there is none, as the real scheduler words it.
pub(super) fn choose<'a>(
    nodes: &'a BTreeMap<String, Node>,
    wish: &Wish,
    claims: Option<String>,
) -> Result<&'a str, String> {
    let there: Vec<(&String, &Node, &Offer)> =
        nodes.iter().filter_map(|(name, node)| Some((name, node, node.offer.as_ref()?))).collect();
    if there.is_empty() {
        return Err("no nodes available to schedule pods".to_owned());
    }
    let all = there.len();
    if let Some(claims) = claims {
        return Err(format!(
            "0/{all} nodes are available: {claims}. preemption: 0/{all} nodes are available: {all} Preemption is not helpful for scheduling."
        ));
    }
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let (mut helpless, mut victimless) = (0, 0);
    let mut best: Option<((usize, i64, usize), &String)> = None;
    for (name, node, offer) in &there {
        let against = against(node, offer, wish, &there);
        if against.is_empty() {
            let score = score(node, offer, wish);
            if best.as_ref().is_none_or(|(known, _)| score < *known) {
                best = Some((score, *name));
            }
            continue;
        }
        if against.iter().all(|(_, evictions_help)| *evictions_help) {
            victimless += 1;
        } else {
            helpless += 1;
        }
        for (reason, _) in against {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    if let Some((_, name)) = best {
        return Ok(name);
    }
    let counted = |reasons: Vec<(String, usize)>| {
        let mut texts: Vec<String> =
            reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        texts.sort();
        texts.join(", ")
    };
    let preemption = [
        ("No preemption victims found for incoming pod".to_owned(), victimless),
        ("Preemption is not helpful for scheduling".to_owned(), helpless),
    ];
    let preemption = preemption.into_iter().filter(|(_, count)| *count > 0).collect();
    Err(format!(
        "0/{all} nodes are available: {}. preemption: 0/{all} nodes are available: {}.",
        counted(reasons.into_iter().collect()),
        counted(preemption)
    ))
}

/// The less, the better: siblings, how much of the node is asked for (in thousandths), Pods.
fn score(node: &Node, offer: &Offer, wish: &Wish) -> (usize, i64, usize) {
    let siblings = if wish.owner.is_empty() { None } else { node.siblings.get(&wish.owner) };
    let asked = wish.compared();
    let asked = (node.compared.0.saturating_add(asked.0), node.compared.1.saturating_add(asked.1));
    let part = |asked: i64, offered: i64| asked.saturating_mul(1000) / offered.max(1);
    (
        siblings.copied().unwrap_or(0),
        part(asked.0, offer.millicores) + part(asked.1, offer.bytes),
        node.pods.len(),
    )
}

/// What speaks against a node: what rules it out for good alone, or else all that it lacks.
fn against(node: &Node, offer: &Offer, wish: &Wish, all: &[(&String, &Node, &Offer)]) -> Vec<Reason> {
    let for_good = |reason: String| vec![(reason, false)];
    let tolerations = list(&wish.pod, "/spec/tolerations");
    if offer.unschedulable {
        let cordon = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
        if !tolerates(tolerations, &cordon) {
            return for_good("node(s) were unschedulable".to_owned());
        }
    }
    let forbids = |taint: &&Json| {
        matches!(text(taint, "/effect"), "NoSchedule" | "NoExecute") && !tolerates(tolerations, taint)
    };
    if let Some(taint) = offer.taints.iter().find(forbids) {
        let (key, value) = (text(taint, "/key"), text(taint, "/value"));
        return for_good(format!("node(s) had untolerated taint {{{key}: {value}}}"));
    }
    if !wanted(offer, &wish.pod) {
        return for_good("node(s) didn't match Pod's node affinity/selector".to_owned());
    }
    let mut lacking: Vec<Reason> = Vec::new();
    if i64::try_from(node.pods.len()).unwrap_or(i64::MAX) >= offer.pods {
        lacking.push(("Too many pods".to_owned(), true));
    }
    for (resource, asked, used, offered) in [
        ("cpu", wish.millicores, node.used.0, offer.millicores),
        ("memory", wish.bytes, node.used.1, offer.bytes),
    ] {
        if asked > 0 && used.saturating_add(asked) > offered {
            // Even an empty node would be too small.
            lacking.push((format!("Insufficient {resource}"), asked <= offered));
        }
    }
    if !lacking.is_empty() {
        return lacking;
    }
    if !near(offer, wish, all, "podAffinity", true) {
        return for_good("node(s) didn't match pod affinity rules".to_owned());
    }
    if !near(offer, wish, all, "podAntiAffinity", false) {
        return vec![("node(s) didn't match pod anti-affinity rules".to_owned(), true)];
    }
    Vec::new()
}

/// Whether any of the tolerations is of this taint.
pub(crate) fn tolerates(tolerations: &[Json], taint: &Json) -> bool {
    tolerations.iter().any(|toleration| tolerates_one(toleration, taint))
}

/// Whether a toleration is of this taint.
pub(crate) fn tolerates_one(toleration: &Json, taint: &Json) -> bool {
    let same = |field: &str| toleration[field].as_str().unwrap_or("") == taint[field].as_str().unwrap_or("");
    let any = |field: &str| toleration[field].as_str().unwrap_or("").is_empty();
    let value = match text(toleration, "/operator") {
        "Exists" => true,
        _ => same("value"),
    };
    (any("effect") || same("effect"))
        && (any("key") && text(toleration, "/operator") == "Exists" || same("key"))
        && value
}

/// Whether a Pod's node selector and required node affinity name this node.
fn wanted(offer: &Offer, pod: &Json) -> bool {
    if !has_labels(&pod["spec"]["nodeSelector"], &offer.labels) {
        return false;
    }
    let required = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    if required.is_null() {
        return true;
    }
    list(required, "/nodeSelectorTerms").iter().any(|term| {
        let (expressions, fields) = (list(term, "/matchExpressions"), list(term, "/matchFields"));
        let value = |key: &str| offer.labels[key].as_str();
        let field = |key: &str| (key == "metadata.name").then_some(offer.name.as_str());
        !(expressions.is_empty() && fields.is_empty())
            && expressions.iter().all(|expression| holds(expression, value(text(expression, "/key"))))
            && fields.iter().all(|expression| holds(expression, field(text(expression, "/key"))))
    })
}

fn holds(expression: &Json, value: Option<&str>) -> bool {
    let values = list(expression, "/values");
    let listed = value.is_some_and(|value| values.iter().any(|wanted| wanted == value));
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let bound = number(values.first().and_then(Json::as_str));
    match text(expression, "/operator") {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => number(value).zip(bound).is_some_and(|(value, bound)| value > bound),
        "Lt" => number(value).zip(bound).is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}

/// Whether the Pod's required terms of an affinity hold on this node; the others' anti-affinity towards it, too.
fn near(offer: &Offer, wish: &Wish, all: &[(&String, &Node, &Offer)], affinity: &str, present: bool) -> bool {
    let terms = |pod: &Json| {
        let path = format!("/spec/affinity/{affinity}/requiredDuringSchedulingIgnoredDuringExecution");
        list(pod, &path).to_vec()
    };
    let concerns = |term: &Json, of: &Json, other: &Json| {
        let named = list(term, "/namespaces");
        let space = namespace(other);
        let within =
            if named.is_empty() { space == namespace(of) } else { named.iter().any(|name| name == space) };
        within && selects(&term["labelSelector"], &other["metadata"]["labels"])
    };
    let together = |term: &Json, other: &Offer| {
        let key = text(term, "/topologyKey");
        let here = json!({"metadata": {"labels": offer.labels}});
        let there = json!({"metadata": {"labels": other.labels}});
        let place = label(&here, key);
        // A node of a test may carry no label with its own name.
        (key == "kubernetes.io/hostname" && offer.name == other.name)
            || (!place.is_empty() && place == label(&there, key))
    };
    let mine = terms(&wish.pod).iter().all(|term| {
        let others =
            || all.iter().flat_map(|(_, node, offer)| node.pods.values().map(move |pod| (&pod.pod, *offer)));
        let found = others().any(|(pod, there)| together(term, there) && concerns(term, &wish.pod, pod));
        // The first of a group that wants to be together has nobody to be with.
        let first = present
            && concerns(term, &wish.pod, &wish.pod)
            && !others().any(|(pod, _)| concerns(term, &wish.pod, pod));
        found == present || first
    });
    if present || !mine {
        return mine;
    }
    all.iter().all(|(_, node, there)| {
        node.particular.iter().filter_map(|key| node.pods.get(key)).all(|other| {
            !terms(&other.pod)
                .iter()
                .any(|term| together(term, there) && concerns(term, &other.pod, &wish.pod))
        })
    })
}

/// What the claims of a Pod's volumes wait for.
pub(super) fn unbound(cx: &Context, pod: &Json) -> Option<String> {
    for volume in list(pod, "/spec/volumes") {
        let claim = text(volume, "/persistentVolumeClaim/claimName");
        if claim.is_empty() {
            continue;
        }
        match cx.api.get(CLAIMS, namespace(pod), claim) {
            Err(_) => return Some(format!("persistentvolumeclaim \"{claim}\" not found")),
            Ok(found) if text(&found, "/status/phase") == "Lost" => {
                let volume = text(&found, "/spec/volumeName");
                let bound =
                    format!("persistentvolumeclaim \"{claim}\" bound to non-existent persistentvolume");
                return Some(format!("{bound} \"{volume}\""));
            }
            Ok(found) if text(&found, "/status/phase") != "Bound" => {
                return Some("pod has unbound immediate PersistentVolumeClaims".to_owned());
            }
            Ok(_) => {}
        }
    }
    None
}
