//! The kinds that controllers work with, by name.

use crate::resource::{RESOURCES, Resource};

macro_rules! kinds {
    ($($name:ident = $key:literal;)*) => {
        $(pub(crate) static $name: &Resource = of_key($key);)*
    };
}

kinds! {
    NAMESPACES = "/namespaces";
    NODES = "/nodes";
    PERSISTENT_VOLUMES = "/persistentvolumes";
    CLAIMS = "/persistentvolumeclaims";
    PODS = "/pods";
    SERVICES = "/services";
    ENDPOINTS = "/endpoints";
    CONFIG_MAPS = "/configmaps";
    SERVICE_ACCOUNTS = "/serviceaccounts";
    EVENTS = "/events";
    DEPLOYMENTS = "apps/deployments";
    REPLICA_SETS = "apps/replicasets";
    JOBS = "batch/jobs";
    AUTOSCALERS = "autoscaling/horizontalpodautoscalers";
    BUDGETS = "policy/poddisruptionbudgets";
    LEASES = "coordination/leases";
    SLICES = "discovery/endpointslices";
}

/// The resource of a key, found when this is compiled.
const fn of_key(key: &str) -> &'static Resource {
    let mut index = 0;
    while index < RESOURCES.len() {
        if same(RESOURCES[index].key.as_bytes(), key.as_bytes()) {
            return &RESOURCES[index];
        }
        index += 1;
    }
    panic!("no such resource")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// The resource that is stored under a key.
pub(crate) fn by_key(key: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.key == key)
}
