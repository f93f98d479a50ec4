//! The messages that kubectl sends, by the numbers of their fields.
//!
//! Invariant: what a field is called here is what JSON calls it. Not here: how a message is read.

/// A message: number, name and type of each field.
pub(super) type Fields = &'static [(u64, &'static str, Type)];

/// The type of a field.
#[derive(Clone, Copy)]
pub(super) enum Type {
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

/// The fields of a kind; `None` for one that nobody sends so.
pub(super) fn message(kind: &str, api_version: &str) -> Option<Fields> {
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
