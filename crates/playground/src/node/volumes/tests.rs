#![expect(clippy::unwrap_used, reason = "a test may panic")]
use super::*;
use crate::api::{Api, Clock, Write};
use crate::resource::find;
use crate::store::Store;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};

fn api() -> Api {
    let api = Api::new(Arc::new(Store::default()), Clock::starting(jiff::Timestamp::UNIX_EPOCH));
    let create = |plural: &str, object: Json| {
        api.create(find("", plural).unwrap(), "default", object, &Write::default()).unwrap();
    };
    create("configmaps", json!({"metadata": {"name": "settings"}, "data": {"color": "blue", "size": "1"}}));
    create("secrets", json!({"metadata": {"name": "keys"}, "data": {"token": "aHVzaA=="}}));
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    create("persistentvolumeclaims", json!({"metadata": {"name": "data"}, "spec": claim}));
    api
}

/// What a container finds in the file `path` of its only mount.
fn found(api: &Api, volumes: &Volumes, volume: Json, mount: Json, path: &str) -> Result<String, String> {
    let mut volume = volume;
    volume["name"] = "v".into();
    let pod = json!({
        "metadata": {"name": "p", "namespace": "default", "labels": {"b": "2", "a": "1"}},
        "spec": {"volumes": [volume], "containers": [{"name": "c", "resources": {"limits": {"memory": "64Mi"}}}]},
    });
    let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1));
    let place = Place { api, pod: &pod, pod_ip: ip, host_ip: ip };
    let made = volumes.of_pod(&place, "n")?;
    let mut mount = mount;
    mount["name"] = "v".into();
    mount["mountPath"] = "/m".into();
    let environment = BTreeMap::from([("WHO".to_owned(), "color".to_owned())]);
    let seen = mounts(&json!({"volumeMounts": [mount]}), &made, &environment)?;
    let bytes = seen["/m"].read(path).unwrap().unwrap_or_else(|| b"nothing".to_vec());
    Ok(String::from_utf8(bytes).unwrap())
}

#[test]
fn volumes_hold_what_their_sources_say_and_mounts_show_parts_of_them() {
    let (api, volumes) = (api(), Volumes::default());
    let settings = || json!({"configMap": {"name": "settings"}});
    let renamed =
        |key: &str| json!({"configMap": {"name": "settings", "items": [{"key": key, "path": "etc/c"}]}});
    let projected = json!({"projected": {"sources": [
        {"configMap": {"name": "settings"}}, {"secret": {"name": "keys"}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]}});
    let memory = json!({"downwardAPI": {"items": [{"path": "memory", "resourceFieldRef": {
        "containerName": "c", "resource": "limits.memory", "divisor": "1Mi"}}]}});
    let no_mount = || json!({});
    for (volume, mount, path, expected) in [
        (settings(), no_mount(), "color", Ok("blue")),
        (settings(), json!({"subPath": "color"}), "", Ok("blue")),
        (settings(), json!({"subPathExpr": "$(WHO)"}), "", Ok("blue")),
        (
            settings(),
            json!({"subPath": "a/../../b"}),
            "",
            Err("failed to prepare subPath for volumeMount \"v\": a/../../b leaves the volume"),
        ),
        (renamed("color"), no_mount(), "etc/c", Ok("blue")),
        (renamed("color"), json!({"subPath": "etc"}), "c", Ok("blue")),
        (
            renamed("none"),
            no_mount(),
            "etc/c",
            Err("MountVolume.SetUp failed for volume \"v\" : references non-existent config key: none"),
        ),
        (json!({"secret": {"secretName": "keys"}}), no_mount(), "token", Ok("hush")),
        (json!({"secret": {"secretName": "no", "optional": true}}), no_mount(), "token", Ok("nothing")),
        (projected.clone(), no_mount(), "size", Ok("1")),
        (projected.clone(), no_mount(), "token", Ok("hush")),
        (projected, no_mount(), "labels", Ok("a=\"1\"\nb=\"2\"\n")),
        (memory, no_mount(), "memory", Ok("64")),
        (json!({"emptyDir": {}}), no_mount(), "x", Ok("nothing")),
    ] {
        let seen = found(&api, &volumes, volume.clone(), mount.clone(), path);
        assert_eq!(seen, expected.map(str::to_owned).map_err(str::to_owned), "{volume} {mount} {path}");
    }
}

#[test]
fn claims_and_paths_are_kept_in_a_folder_until_their_claim_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let api = api();
    let open = || Volumes::new(Some(folder.path().to_owned()), &api.list(CLAIMS, None).0);
    let claim = || json!({"persistentVolumeClaim": {"claimName": "data"}});
    let host = || json!({"hostPath": {"path": "/var/../x y"}});
    let part = || json!({"subPath": "db/main"});
    for volume in [claim(), host()] {
        let volumes = open();
        assert_eq!(found(&api, &volumes, volume.clone(), part(), "people").unwrap(), "nothing");
        let known = volumes.known.lock().unwrap().values().next().unwrap().clone();
        known.below("db/main").unwrap().edit("people", |_| Ok(b"jane".to_vec())).unwrap();
        assert_eq!(found(&api, &volumes, volume.clone(), part(), "people").unwrap(), "jane");
        assert_eq!(found(&api, &open(), volume, part(), "people").unwrap(), "jane", "in a later life");
    }
    let names = || {
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names().len(), 2);
    drop(Volumes::new(Some(folder.path().to_owned()), &[]));
    assert_eq!(names(), ["host-n-%2Fvar%2F%2E%2E%2Fx%20y"]);
}
