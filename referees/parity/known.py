"""Where the playground and the real control plane (Kubernetes 1.20) differ, and why. Nothing else may differ.

The playground reports v1.33: where the two Kubernetes' texts or fields differ, today's win, and the difference is named here.
Each entry names cases (`area: name`, with wildcards), the paths that differ in their answers, and the reason.
"""
from parity.compare import Known

KNOWN = [
    # ---- fields that came after 1.20, or went -------------------------------------------------------------------------
    Known("*", "*ontainers.*.volumeMounts *spec.volumes", "1.20 mounts the Secret of the service account into every Pod; the playground's programs have no use for a token"),
    Known("*", "*template.metadata.creationTimestamp", "1.20 writes the null of a template's creationTimestamp"),
    Known("*", "*spec.internalTrafficPolicy *spec.ipFamilies *spec.ipFamilyPolicy", "Services have the policy and the families of today without asking for two families"),
    Known("*: a namespace*", "*metadata.labels", "namespaces carry the label kubernetes.io/metadata.name since 1.21"),
    Known("namespaces: *", "body.metadata.labels.kubernetes.io/metadata.name", "namespaces carry the label kubernetes.io/metadata.name since 1.21"),
    Known("defaults: a Job*", "body.metadata.generation body.metadata.labels.batch.kubernetes.io/* body.spec.completionMode body.spec.podReplacementPolicy body.spec.suspend "
          "body.spec.selector.matchLabels.* body.spec.template.metadata.labels.batch.kubernetes.io/*", "Jobs are indexed, suspended, counted and labelled with a prefix since 1.21 to 1.28"),
    Known("mistakes: jobs: a Job with a selector of its own", "body.message body.details.causes.*.message", "Jobs select by a label with a prefix since 1.27"),
    Known("jobs: *", "seen.0.2", "a Job that is complete says CompletionsReached since 1.31"),
    Known("defaults: a Service with a balancer", "body.spec.allocateLoadBalancerNodePorts", "1.20 has the field behind a feature gate"),
    Known("defaults: a Service*", "body.spec.clusterIP body.spec.clusterIPs", "a dry run is given an address since 1.22, which it does not keep"),
    Known("defaults: a Service with a balancer", "body.spec.ports.0.nodePort", "1.20 gives a dry run a port outside of the range"),
    Known("defaults: an autoscaler of v2beta2", "body.status.conditions body.status.currentMetrics", "1.20 writes the nulls of an autoscaler that nobody looked at"),
    Known("endpoints: *", "seen seen.1.endpoints.kubernetes.io/managed-by", "Endpoints of the controller say so in a label since 1.33"),
    Known("deleting: a deleted Service", "body.0 body.1", "a Service that was deleted is answered with since 1.22"),
    Known("discovery: the resources of v1", "body.pods/eviction.version body.services.verbs", "an Eviction is of policy/v1 since 1.22, Services are deleted together since 1.23"),
    Known("discovery: the resources of networking.k8s.io/v1beta1", "body.ingressclasses", "the playground serves v1beta1 of Ingresses for old manifests only"),
    Known("apply: scale leaves the templates' owners alone", "body", "who scales owns the replicas since 1.22"),
    Known("apply: the second manager's container goes with its word", "body.owners", "who scales owns the replicas since 1.22"),
    Known("apply: an empty map", "body.owners", "an empty map that is applied is owned since 1.21"),
    # ---- tables ---------------------------------------------------------------------------------------------------------
    Known("tables: the table of pods", "body.columns.3 body.rows.0.3", "RESTARTS says when the last one was since 1.22, so it is text"),
    Known("tables: the table of ingresses", "body.rows.0.3", "the playground has an ingress controller, and so an Ingress an address"),
    Known("tables: the table of one Pod that waits", "body.columns.3 body.rows.0.3", "RESTARTS says when the last one was since 1.22, so it is text"),
    Known("tables: the table of horizontalpodautoscalers", "body.rows.0.2", "targets are named with their metric since 1.31"),
    Known("tables: the table of persistentvolumeclaims", "body.columns body.rows.0", "VOLUMEATTRIBUTESCLASS is a column since 1.29"),
    Known("tables: the columns of persistentvolumes", "body", "VOLUMEATTRIBUTESCLASS is a column since 1.29"),
    Known("tables: the columns of jobs", "body", "STATUS is a column since 1.31"),
    Known("tables: the table of serviceaccounts", "body.rows.0.1", "service accounts have no Secret of their own since 1.24"),
    # ---- texts and codes ------------------------------------------------------------------------------------------------
    Known("objects: an object of another version", "body.message", "Kubernetes is built without its full paths since 1.21"),
    Known("objects: a value of a wrong type", "body.message", "JSON is read by another library since 1.23, whose complaint names the field as Go does"),
    Known("objects: a list where a map belongs", "body.message", "JSON is read by another library since 1.23, whose complaint names the field as Go does"),
    Known("objects: a resourceVersion on create", "code body.code body.reason", "1.20 takes it for a fault of its own"),
    Known("objects: a media type that nobody speaks", "body.message", "the playground reads no YAML: clients send JSON or protobuf"),
    Known("objects: an Accept that nobody serves", "body.message", "the media types that are served are named since 1.21"),
    Known("patches: a patch as plain JSON", "body.message body.details", "the media types that are served are named since 1.21"),
    Known("patches: a patch that is no JSON", "code body.code body.message body.reason", "a patch that cannot be read is the client's fault since 1.21"),
    Known("patches: json: replace what is not there", "code", "the JSON patch library of 1.20 replaces what is not there"),
    Known("patches: strategic: a Pod's command", "body.message body.details.causes.0.message", "the sentence names other fields since 1.27; and the playground does not print the difference of two Go structures"),
    Known("patches: a*", "body.details.causes", "an update is checked twice by a real server, which lists each cause twice in the details"),
    Known("deleting: it gets no further finalizers", "body.details.causes", "an update is checked twice by a real server, which lists each cause twice in the details"),
    Known("disruption: both bounds are refused", "body.message body.details.causes.0.message", "Go prints addresses of memory there"),
    Known("garbage: two controllers are refused", "body.message body.details.causes.0.message", "Go prints addresses of memory there"),
    Known("lists: a token that is none", "body.message", "the playground says less about a token that it did not make"),
    Known("lists: labels: a key that is none", "body.message", "the operators that are expected are listed in other words since 1.21"),
    Known("lists: labels: greater than a word", "body.message", "the complaint names the value since 1.22"),
    Known("lists: a revision that is no number", "code", "1.20 takes it for a fault of its own"),
    Known("watching: a revision that is no number", "code body.code body.details body.message body.reason", "1.20 takes it for a fault of its own"),
    Known("mistakes: pods: a policy of [rD]*", "body.details.causes.0.message body.message", "values that are supported are listed in the alphabet's order since 1.30"),
    Known("mistakes: rolebindings: a binding to another kind", "body.details.causes.0.message body.message", "values that are supported are listed in the alphabet's order since 1.30"),
    Known("mistakes: pods: a request above its limit", "body.details.causes.0.message body.message", "the limit is named since 1.27"),
    Known("mistakes: persistentvolumeclaims: a claim of another mode", "body.details.causes.0.message body.message", "ReadWriteOncePod came with 1.22"),
    Known("mistakes: services: a target's name", "body.details.causes.1.message body.message", "the sentence has been put right since: a letter is needed, a digit will not do"),
    Known("mistakes: endpoints: Endpoints on loopback", "body.details.causes body.message", "1.20 says it twice"),
    Known("mistakes: ingresses: *", "body.details.group body.message", "1.20 still calls the group of Ingresses extensions in errors"),
    Known("mistakes: networkpolicies: *", "body.details.group body.message", "1.20 still calls the group of NetworkPolicies extensions in errors"),
    # ---- what the playground does not do (yet) -----------------------------------------------------------------------------
    Known("endpoints: and are mirrored in a slice", "seen", "the playground does not mirror Endpoints that a person wrote: its proxy reads Endpoints themselves"),
]
