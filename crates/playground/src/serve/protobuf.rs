//! Reads the protobuf that kubectl from 1.33 on sends for what it makes itself: `kubectl create …`, `drain`, `auth can-i`.
//!
//! Invariant: a field that the tables below do not know is an error that names it, never dropped: what is stored is what
//! was sent. Not here: writing protobuf; every client takes JSON for an answer.

use super::super::api::Status;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

/// A message: number, name and type of each field.
type Fields = &'static [(u64, &'static str, Type)];

#[derive(Clone, Copy)]
enum Type {
    Text,
    Base64,
    /// Zero is how this encoding says "not given".
    Int,
    /// Given if it is there, zero included.
    Set,
    Bool,
    Time,
    IntOrString,
    Message(Fields),
    Texts,
    Messages(Fields),
    TextMap,
    Base64Map,
}
use Type::{Base64Map, Bool, Int, IntOrString, Message, Messages, Set, Text, TextMap, Texts, Time};

const METADATA: Fields = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (4, "selfLink", Text),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (7, "generation", Int),
    (8, "creationTimestamp", Time),
    (9, "deletionTimestamp", Time),
    (10, "deletionGracePeriodSeconds", Set),
    (11, "labels", TextMap),
    (12, "annotations", TextMap),
    (13, "ownerReferences", Messages(OWNER)),
    (14, "finalizers", Texts),
];
const OWNER: Fields = &[
    (1, "kind", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "controller", Bool),
    (7, "blockOwnerDeletion", Bool),
];
const NOTHING: Fields = &[];
const NAMESPACE: Fields = &[
    (1, "metadata", Message(METADATA)),
    (2, "spec", Message(&[(1, "finalizers", Texts)])),
    (3, "status", Message(&[(1, "phase", Text)])),
];
const CONFIG_MAP: Fields = &[
    (1, "metadata", Message(METADATA)),
    (2, "data", TextMap),
    (3, "binaryData", Base64Map),
    (4, "immutable", Bool),
];
const SECRET: Fields = &[
    (1, "metadata", Message(METADATA)),
    (2, "data", Base64Map),
    (3, "type", Text),
    (4, "stringData", TextMap),
    (5, "immutable", Bool),
];
const OBJECT_REFERENCE: Fields = &[
    (1, "kind", Text),
    (2, "namespace", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "resourceVersion", Text),
    (7, "fieldPath", Text),
];
const SERVICE_ACCOUNT: Fields = &[
    (1, "metadata", Message(METADATA)),
    (2, "secrets", Messages(OBJECT_REFERENCE)),
    (3, "imagePullSecrets", Messages(&[(1, "name", Text)])),
    (4, "automountServiceAccountToken", Bool),
];
const BINDING: Fields = &[(1, "metadata", Message(METADATA)), (2, "target", Message(OBJECT_REFERENCE))];
const DELETE_OPTIONS: Fields = &[
    (1, "gracePeriodSeconds", Set),
    (2, "preconditions", Message(&[(1, "uid", Text), (2, "resourceVersion", Text)])),
    (3, "orphanDependents", Bool),
    (4, "propagationPolicy", Text),
    (5, "dryRun", Texts),
];
const EVICTION: Fields = &[(1, "metadata", Message(METADATA)), (2, "deleteOptions", Message(DELETE_OPTIONS))];
const SELECTOR: Fields = &[
    (1, "matchLabels", TextMap),
    (2, "matchExpressions", Messages(&[(1, "key", Text), (2, "operator", Text), (3, "values", Texts)])),
];
const CONTAINER: Fields = &[
    (1, "name", Text),
    (2, "image", Text),
    (3, "command", Texts),
    (4, "args", Texts),
    (5, "workingDir", Text),
    (
        6,
        "ports",
        Messages(&[
            (1, "name", Text),
            (2, "hostPort", Int),
            (3, "containerPort", Int),
            (4, "protocol", Text),
            (5, "hostIP", Text),
        ]),
    ),
    (7, "env", Messages(&[(1, "name", Text), (2, "value", Text)])),
    (8, "resources", Message(NOTHING)),
    (13, "terminationMessagePath", Text),
    (14, "imagePullPolicy", Text),
    (16, "stdin", Bool),
    (17, "stdinOnce", Bool),
    (18, "tty", Bool),
    (20, "terminationMessagePolicy", Text),
];
const POD_SPEC: Fields = &[
    (2, "containers", Messages(CONTAINER)),
    (3, "restartPolicy", Text),
    (4, "terminationGracePeriodSeconds", Set),
    (5, "activeDeadlineSeconds", Set),
    (6, "dnsPolicy", Text),
    (7, "nodeSelector", TextMap),
    (8, "serviceAccountName", Text),
    (9, "serviceAccount", Text),
    (10, "nodeName", Text),
    (11, "hostNetwork", Bool),
    (12, "hostPID", Bool),
    (13, "hostIPC", Bool),
    (14, "securityContext", Message(NOTHING)),
    (16, "hostname", Text),
    (17, "subdomain", Text),
    (19, "schedulerName", Text),
    (20, "initContainers", Messages(CONTAINER)),
    (24, "priorityClassName", Text),
];
const POD_TEMPLATE: Fields = &[(1, "metadata", Message(METADATA)), (2, "spec", Message(POD_SPEC))];
const DEPLOYMENT: Fields = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "spec",
        Message(&[
            (1, "replicas", Set),
            (2, "selector", Message(SELECTOR)),
            (3, "template", Message(POD_TEMPLATE)),
            (
                4,
                "strategy",
                Message(&[
                    (1, "type", Text),
                    (
                        2,
                        "rollingUpdate",
                        Message(&[(1, "maxUnavailable", IntOrString), (2, "maxSurge", IntOrString)]),
                    ),
                ]),
            ),
            (5, "minReadySeconds", Int),
            (6, "revisionHistoryLimit", Set),
            (7, "paused", Bool),
            (9, "progressDeadlineSeconds", Set),
        ]),
    ),
    (3, "status", Message(STATUS)),
];
/// A status that a client sends along is not read, so its zeros may be anything.
const STATUS: Fields = &[
    (1, "observedGeneration", Int),
    (2, "replicas", Int),
    (3, "updatedReplicas", Int),
    (4, "availableReplicas", Int),
    (5, "unavailableReplicas", Int),
    (7, "readyReplicas", Int),
];
const JOB: Fields = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "spec",
        Message(&[
            (1, "parallelism", Set),
            (2, "completions", Set),
            (3, "activeDeadlineSeconds", Set),
            (4, "selector", Message(SELECTOR)),
            (5, "manualSelector", Bool),
            (6, "template", Message(POD_TEMPLATE)),
            (7, "backoffLimit", Set),
            (8, "ttlSecondsAfterFinished", Set),
            (9, "completionMode", Text),
            (10, "suspend", Bool),
        ]),
    ),
    (3, "status", Message(&[(4, "active", Int), (5, "succeeded", Int), (6, "failed", Int)])),
];
const SERVICE: Fields = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "spec",
        Message(&[
            (
                1,
                "ports",
                Messages(&[
                    (1, "name", Text),
                    (2, "protocol", Text),
                    (3, "port", Int),
                    (4, "targetPort", IntOrString),
                    (5, "nodePort", Int),
                    (6, "appProtocol", Text),
                ]),
            ),
            (2, "selector", TextMap),
            (3, "clusterIP", Text),
            (4, "type", Text),
            (5, "externalIPs", Texts),
            (7, "sessionAffinity", Text),
            (8, "loadBalancerIP", Text),
            (9, "loadBalancerSourceRanges", Texts),
            (10, "externalName", Text),
            (11, "externalTrafficPolicy", Text),
            (12, "healthCheckNodePort", Int),
            (13, "publishNotReadyAddresses", Bool),
            (18, "clusterIPs", Texts),
        ]),
    ),
    (3, "status", Message(&[(1, "loadBalancer", Message(NOTHING))])),
];
const BUDGET: Fields = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "spec",
        Message(&[
            (1, "minAvailable", IntOrString),
            (2, "selector", Message(SELECTOR)),
            (3, "maxUnavailable", IntOrString),
            (4, "unhealthyPodEvictionPolicy", Text),
        ]),
    ),
    (
        3,
        "status",
        Message(&[
            (1, "observedGeneration", Int),
            (3, "disruptionsAllowed", Int),
            (4, "currentHealthy", Int),
            (5, "desiredHealthy", Int),
            (6, "expectedPods", Int),
        ]),
    ),
];
const SCALE_TARGET: Fields = &[(1, "kind", Text), (2, "name", Text), (3, "apiVersion", Text)];
const METRIC_TARGET: Fields = &[(1, "type", Text), (4, "averageUtilization", Int)];
const AUTOSCALER: Fields = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "spec",
        Message(&[
            (1, "scaleTargetRef", Message(SCALE_TARGET)),
            (2, "minReplicas", Set),
            (3, "maxReplicas", Int),
            (
                4,
                "metrics",
                Messages(&[
                    (1, "type", Text),
                    (4, "resource", Message(&[(1, "name", Text), (2, "target", Message(METRIC_TARGET))])),
                ]),
            ),
        ]),
    ),
    (3, "status", Message(&[(3, "currentReplicas", Int), (4, "desiredReplicas", Int)])),
];
const AUTOSCALER_V1: Fields = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "spec",
        Message(&[
            (1, "scaleTargetRef", Message(SCALE_TARGET)),
            (2, "minReplicas", Set),
            (3, "maxReplicas", Int),
            (4, "targetCPUUtilizationPercentage", Int),
        ]),
    ),
    (3, "status", Message(&[(3, "currentReplicas", Int), (4, "desiredReplicas", Int)])),
];
const RULES: Fields = &[
    (1, "verbs", Texts),
    (2, "apiGroups", Texts),
    (3, "resources", Texts),
    (4, "resourceNames", Texts),
    (5, "nonResourceURLs", Texts),
];
const ROLE: Fields = &[(1, "metadata", Message(METADATA)), (2, "rules", Messages(RULES))];
const ROLE_BINDING: Fields = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "subjects",
        Messages(&[(1, "kind", Text), (2, "apiGroup", Text), (3, "name", Text), (4, "namespace", Text)]),
    ),
    (3, "roleRef", Message(&[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)])),
];
const REVIEW: Fields = &[
    (1, "metadata", Message(METADATA)),
    (
        2,
        "spec",
        Message(&[
            (
                1,
                "resourceAttributes",
                Message(&[
                    (1, "namespace", Text),
                    (2, "verb", Text),
                    (3, "group", Text),
                    (4, "version", Text),
                    (5, "resource", Text),
                    (6, "subresource", Text),
                    (7, "name", Text),
                ]),
            ),
            (2, "nonResourceAttributes", Message(&[(1, "path", Text), (2, "verb", Text)])),
        ]),
    ),
    (
        3,
        "status",
        Message(&[
            (1, "allowed", Bool),
            (2, "reason", Text),
            (3, "evaluationError", Text),
            (4, "denied", Bool),
        ]),
    ),
];

fn message(kind: &str, api_version: &str) -> Option<Fields> {
    Some(match kind {
        "Namespace" => NAMESPACE,
        "ConfigMap" => CONFIG_MAP,
        "Secret" => SECRET,
        "ServiceAccount" => SERVICE_ACCOUNT,
        "Binding" => BINDING,
        "DeleteOptions" => DELETE_OPTIONS,
        "Eviction" => EVICTION,
        "Deployment" => DEPLOYMENT,
        "Job" => JOB,
        "Service" => SERVICE,
        "PodDisruptionBudget" => BUDGET,
        "HorizontalPodAutoscaler" if api_version == "autoscaling/v1" => AUTOSCALER_V1,
        "HorizontalPodAutoscaler" if api_version == "autoscaling/v2" => AUTOSCALER,
        "Role" | "ClusterRole" => ROLE,
        "RoleBinding" | "ClusterRoleBinding" => ROLE_BINDING,
        "SelfSubjectAccessReview" => REVIEW,
        _ => return None,
    })
}

/// An object from Kubernetes' envelope.
///
/// # Errors
/// 400 for what is malformed, 415 for a kind or a field that is not known here.
pub(super) fn object(body: &[u8]) -> Result<Json, Status> {
    let malformed = || Status::bad_request("the object provided is unrecognized: the protobuf is malformed");
    let envelope = body.strip_prefix(b"k8s\0").ok_or_else(malformed)?;
    let (mut kind, mut api_version, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Reader(envelope) {
        match field.ok_or_else(malformed)? {
            (1, Wire::Bytes(meta)) => {
                for field in Reader(meta) {
                    match field.ok_or_else(malformed)? {
                        (1, Wire::Bytes(text)) => api_version = String::from_utf8_lossy(text).into_owned(),
                        (2, Wire::Bytes(text)) => kind = String::from_utf8_lossy(text).into_owned(),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let unknown = |what: &str| {
        let message = format!(
            "the body of the request was in an unknown format - {what} is not understood as protobuf here; accepted media types include: application/json"
        );
        Status::plain(415, "UnsupportedMediaType", message)
    };
    let fields = message(&kind, &api_version).ok_or_else(|| unknown(&kind))?;
    let mut object = Map::new();
    object.insert("kind".to_owned(), kind.clone().into());
    object.insert("apiVersion".to_owned(), api_version.into());
    object.extend(read(raw, fields).map_err(|error| match error {
        Error::Malformed => malformed(),
        Error::Unknown(number) => unknown(&format!("field {number} of {kind}")),
    })?);
    Ok(Json::Object(object))
}

enum Error {
    Malformed,
    Unknown(u64),
}

enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, in order; `None` where it is malformed, and then no more.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn field(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.number()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.number()?),
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Wire::Bytes(bytes)
            }
            _ => return None,
        };
        Some((tag >> 3, wire))
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Option<(u64, Wire<'a>)>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Empty texts, zeros and messages without contents are how this encoding says "not given".
fn read(bytes: &[u8], fields: Fields) -> Result<Map<String, Json>, Error> {
    let mut object = Map::new();
    for field in Reader(bytes) {
        let (number, wire) = field.ok_or(Error::Malformed)?;
        let found = fields.iter().find(|(known, ..)| *known == number);
        let Some((_, name, kind)) = found else {
            match wire {
                Wire::Bytes([]) | Wire::Number(0) => continue,
                _ => return Err(Error::Unknown(number)),
            }
        };
        let name = (*name).to_owned();
        match (kind, wire) {
            (Text, Wire::Bytes([])) => {}
            (Text | Type::Base64, Wire::Bytes(bytes)) => drop(object.insert(name, scalar(*kind, bytes)?)),
            (Int, Wire::Number(0)) => {}
            (Int | Set, Wire::Number(number)) => drop(object.insert(name, number.cast_signed().into())),
            (Bool, Wire::Number(number)) => {
                if number != 0 {
                    object.insert(name, true.into());
                }
            }
            (Time, Wire::Bytes(bytes)) => {
                let seconds = { Reader(bytes) }.find_map(|field| match field {
                    Some((1, Wire::Number(seconds))) => Some(seconds.cast_signed()),
                    _ => None,
                });
                if let Some(time) = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()) {
                    object.insert(name, time.to_string().into());
                }
            }
            (IntOrString, Wire::Bytes(bytes)) => {
                let parts = read(bytes, &[(1, "type", Int), (2, "int", Set), (3, "text", Text)])?;
                let text = parts.get("type").and_then(Json::as_i64) == Some(1);
                let value = parts.get(if text { "text" } else { "int" }).cloned();
                object.insert(name, value.unwrap_or_else(|| if text { "".into() } else { 0.into() }));
            }
            (Message(fields), Wire::Bytes(bytes)) => {
                let inner = read(bytes, fields)?;
                if !inner.is_empty() || name == "selector" {
                    object.insert(name, inner.into());
                }
            }
            (Texts, Wire::Bytes(bytes)) => append(&mut object, name, scalar(Text, bytes)?),
            (Messages(fields), Wire::Bytes(bytes)) => append(&mut object, name, read(bytes, fields)?.into()),
            (TextMap | Base64Map, Wire::Bytes(bytes)) => {
                let value = if matches!(kind, TextMap) { Text } else { Type::Base64 };
                let (mut key, mut content) = (String::new(), Json::String(String::new()));
                for field in Reader(bytes) {
                    match field.ok_or(Error::Malformed)? {
                        (1, Wire::Bytes(text)) => key = String::from_utf8_lossy(text).into_owned(),
                        (2, Wire::Bytes(bytes)) => content = scalar(value, bytes)?,
                        _ => return Err(Error::Malformed),
                    }
                }
                let map = object.entry(name).or_insert_with(|| Json::Object(Map::new()));
                if let Some(map) = map.as_object_mut() {
                    map.insert(key, content);
                }
            }
            _ => return Err(Error::Malformed),
        }
    }
    Ok(object)
}

fn scalar(kind: Type, bytes: &[u8]) -> Result<Json, Error> {
    if matches!(kind, Type::Base64) {
        return Ok(STANDARD.encode(bytes).into());
    }
    std::str::from_utf8(bytes).map(Json::from).map_err(|_| Error::Malformed)
}

fn append(object: &mut Map<String, Json>, name: String, value: Json) {
    let list = object.entry(name).or_insert_with(|| Json::Array(Vec::new()));
    if let Some(list) = list.as_array_mut() {
        list.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &[u8], expected: &str) {
        let got = match object(body) {
            Ok(object) => object.to_string(),
            Err(status) => status.message,
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn what_kubectl_sends() {
        // `kubectl create namespace go-demo-8`, recorded from kubectl 1.33.
        let body = b"k8s\0\n\x0f\n\x02v1\x12\tNamespace\x12!\n\x19\n\tgo-demo-8\x12\0\x1a\0\"\0*\x002\x008\0B\0\x12\0\x1a\x02\n\0\x1a\0\"\0";
        check(body, r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"go-demo-8"}}"#);
        let malformed = "the object provided is unrecognized: the protobuf is malformed";
        for end in 0..body.len() - 6 {
            assert!(object(&body[..end]).is_err() || end > 20, "{end}");
        }
        check(b"k8s\0\n\xff", malformed);
        check(b"{}", malformed);
        check(
            b"k8s\0\n\x0b\n\x02v1\x12\x05Other\x12\0",
            "the body of the request was in an unknown format - Other is not understood as protobuf here; accepted media types include: application/json",
        );
    }
}
