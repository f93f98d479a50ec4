"""Where what kubectl shows of the playground differs from what it shows of a control plane of 1.20 with fake nodes, and why.

Each entry: the commands (a pattern of fnmatch), the lines (a regular expression; a line begins with `-` if the control plane
printed it, with `+` if the playground did), the reason.
"""
TODAY = "the playground shows what 1.33 shows, which 1.20 did not yet: "
FAKE = "fake nodes are another make, and have no kubelet: "
LATER = "kinds that the playground has not yet: "
AHEAD = "the playground does as servers after 1.33 do: "

DIFFERENCES = [
    ("kubectl version", r"Server Version|version difference", "one is 1.20, the other 1.33"),
    ("kubectl api-resources*", r"^-(admission|apiservice|certificate|component|controllerrev|cronjob|csi|custom|daemon|flow|limit|local|mutating|podsec|"
     r"podtemp|priority|replicationc|resourceq|runtime|selfsubjectrules|stateful|storage|subject|token|validating|volumea|ingresses .*extensions|events .*events)", LATER + "all but chapters 1 and 2 need"),
    ("kubectl api-resources*", r"^[-+](endpointslices|horizontalpodautoscalers|poddisruptionbudgets)", TODAY + "groups that have grown up"),
    ("kubectl api-versions", r"^-(admission|apiext|apireg|authentication|batch/v1beta1|certificates|events|extensions|flow|node|scheduling|storage)", LATER + "all but chapters 1 and 2 need"),
    ("kubectl api-versions", r"^-(authorization|coordination).k8s.io/v1beta1", TODAY + "versions that are gone since 1.22"),
    ("kubectl api-versions", r"^\+(autoscaling/v2|discovery.k8s.io/v1|policy/v1)$", TODAY + "versions of 1.21 to 1.25"),
    ("kubectl explain *", r"^[-+](GROUP|VERSION|RESOURCE|FIELD):?", TODAY + "OpenAPI v3, of which kubectl shows groups and types"),
    ("kubectl explain pod.spec.nothing", r"^\+KIND:", TODAY + "OpenAPI v3, of which kubectl shows the head before it fails"),
    ("kubectl explain *", r"^[-+]  \w+\t<", TODAY + "OpenAPI v3, whose types have names"),
    ("kubectl explain *", r"^\+  <(empty|no description)>$", "the playground describes types, not what they are for"),
    ("kubectl explain *", r"^-  [^<]*$", "the playground describes types, not what they are for"),
    ("get pods -w, a rollout", r"^\+.*ContainerCreating", FAKE + "no word between scheduled and Running"),
    ("kubectl get pvc*", r"^[-+](NAME|bound|pending)", TODAY + "VolumeAttributesClass"),
    ("kubectl get pv beside*", r"^[-+](NAME|beside)", TODAY + "VolumeAttributesClass"),
    ("kubectl get ingress*", r"^[-+](web  nginx|  +loadBalancer|\+?  ingress:|  - ip)", "the playground has an ingress, which tells where it is"),
    ("kubectl describe ingress web", r"^[-+]Address:", "the playground has an ingress, which tells where it is"),
    ("kubectl describe ingress web", r"^[-+]  /(none)?  ", TODAY + "EndpointSlices in v1, which kubectl reads"),
    ("kubectl get secrets*", r"^-default-token-", TODAY + "no secrets with tokens since 1.24"),
    ("kubectl get serviceaccounts*", r"^[-+]default  [01]", TODAY + "no secrets with tokens since 1.24"),
    ("kubectl describe serviceaccount default", r"^[-+](Mountable secrets|Tokens):", TODAY + "no secrets with tokens since 1.24"),
    ("*get nodes*", r"^[-+]<node>  Ready", FAKE + "version, roles, labels"),
    ("kubectl get storageclass", r"^[-+](No resources|error: the server doesn't have|exit code 1)", LATER + "StorageClass"),
    ("kubectl get limitranges", r"^[-+](No resources|error: the server doesn't have|exit code 1)", LATER + "LimitRange"),
    ("kubectl describe namespace beside", r"^-(No (resource quota|LimitRange resource)\.)?$", LATER + "ResourceQuota and LimitRange"),
    ("kubectl describe namespace beside", r"^[-+]Labels:", TODAY + "namespaces are labelled with their names since 1.22"),
    ("kubectl get endpointslices", r"^-headless-<pod>  IPv6", TODAY + "a Service has the families of addresses that it says"),
    ("kubectl get * -o yaml", r"^-  +creationTimestamp: null$", AHEAD + "a template has no time of creation"),
    ("kubectl get service web -o yaml", r"^\+  (internalTrafficPolicy|ipFamil|- IPv4)", TODAY + "families of addresses"),
    ("kubectl describe service *", r"^[-+](IP Famil|Internal Traffic Policy)", TODAY + "families of addresses"),
    ("kubectl describe service *", r"^[-+]Endpoints:", TODAY + "EndpointSlices in v1, which kubectl reads"),
    ("kubectl get pod single -o yaml", r"^-  +(- )?(mountPath: /var/run/secrets|name: default-token|readOnly: true|secret:|defaultMode: 420|secretName: default-token)",
     TODAY + "no secrets with tokens since 1.24"),
    ("kubectl get pod single -o yaml", r"^[-+]  +(- )?(type: |status: \"True\"|lastProbeTime|lastTransitionTime)", TODAY + "the condition PodReadyToStartContainers, and their order"),
    ("kubectl get pod single -o yaml", r"^[-+]  +(- )?(containerID|image|imageID|started): ?", FAKE + "ids, names of images, no startup probe"),
    ("kubectl get pod single -o yaml", r"^\+  (hostIPs:|- ip: <ip>)", TODAY + "hostIPs"),
    ("kubectl get pdb web -o yaml", r"^[-+](apiVersion|  (conditions:|- lastTrans|message: \"\"|observedGen|reason: Suff|status: \"True\"|type: Disr))", TODAY + "policy/v1 and its condition"),
    ("kubectl describe pod single", r"^[-+]  (Container ID|Image ID):", FAKE + "ids"),
    ("kubectl describe pod single", r"^[-+]  (PodReadyToStart|Initialized|Ready|ContainersReady)", TODAY + "the condition PodReadyToStartContainers, and their order"),
    ("kubectl describe pod single", r"^\+  (Normal|Warning)  (Pulled|Created|Started|Unhealthy)  .*kubelet", FAKE + "no events"),
    ("kubectl describe pod*", r"^[-+](Volumes:|  (Mounts:|default-token-|Type:  Secret|SecretName:  default-token|Optional:  false|/var/run/secrets/))", TODAY + "no secrets with tokens since 1.24"),
    ("kubectl describe pods -l app=slow", r"^[-+]  Warning  FailedScheduling", TODAY + "what the scheduler says, and how often"),
    ("kubectl events, warnings", r"FailedScheduling", TODAY + "what the scheduler says, and how often"),
    ("kubectl events, warnings", r"^\+.*Unhealthy  Pod/single", FAKE + "no probes"),
    ("kubectl *", r"^[-+].*ScalingReplicaSet .*Scaled up replica set web-<hash> (from 0 )?to 2$", TODAY + "from which size"),
    ("kubectl describe endpoints web", r"^[-+](Labels:|  side=)", TODAY + "who manages them"),
    ("kubectl describe node", r"^[-+](Roles|Labels|Annotations|  +(failure-domain|node-role|node.kubernetes|topology|volumes.kubernetes|cpu|ephemeral|memory|pods|hugepages|"
     r"Machine ID|System UUID|Boot ID|Kernel|OS Image|Container Runtime|Kubelet Version|Kube-Proxy))", FAKE + "another machine"),
    ("kubectl apply -f invalid-pod.yaml", r"cpu limit|supported values", TODAY + "the limit is named, values are sorted"),
    ("kubectl apply -f unknown-field.yaml", r"^[-+]", TODAY + "the server looks for unknown fields, not kubectl"),
    ("kubectl patch pod single*", r"^[-+](The Pod|  |-  Ports|\+  Ports|$)", TODAY + "which fields of a Pod may change; without the difference as Go prints it"),
    ("get hpa*", r"^[-+]web ", TODAY + "the name of the metric; and the playground has metrics"),
    ("get jobs, after a while", r"^[-+](NAME|limited|worker)", TODAY + "the status of a Job"),
    ("kubectl describe job *", r"^[-+](Selector|Labels|  Labels|  batch.kubernetes|  controller-uid)", TODAY + "the prefix of a Job's labels"),
    ("kubectl describe job *", r"^\+(Completion Mode|Suspend):", TODAY + "completion mode and suspension"),
    ("kubectl describe job *", r"^[-+]Pods Statuses:", TODAY + "how many are Ready"),
    ("a Pod past its deadline", r"^[-+]deadline ", FAKE + "no deadlines"),
    ("kubectl describe hpa web", r"^[-+]", TODAY + "autoscaling/v2 with its conditions; and the playground has metrics"),
]
