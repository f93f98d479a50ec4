//! The least API server that holds one Deployment, on a loopback port.
//!
//! It knows GET and the two kinds of PATCH that scaling uses, and nothing else of Kubernetes; what real servers do is the
//! business of the tests against one.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// The server; it ends with the process.
pub(crate) struct Cluster {
    port: u16,
    deployment: Arc<Mutex<Value>>,
    mood: Arc<Mutex<Mood>>,
    requests: Arc<AtomicUsize>,
}

/// How the server takes requests.
#[derive(Clone, Copy)]
pub(crate) enum Mood {
    /// As it should.
    Answers,
    /// It closes the connection.
    HangsUp,
    /// It never answers.
    IsSilent,
}

impl Cluster {
    /// With a Deployment `shop/cart` of three replicas.
    pub(crate) fn new() -> Cluster {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let deployment = Arc::new(Mutex::new(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "cart", "namespace": "shop", "uid": "u-1", "resourceVersion": "1"},
            "spec": {"replicas": 3, "paused": false}
        })));
        let mood = Arc::new(Mutex::new(Mood::Answers));
        let requests = Arc::new(AtomicUsize::new(0));
        let cluster = Cluster { port: listener.local_addr().unwrap().port(), deployment, mood, requests };
        let (deployment, mood) = (cluster.deployment.clone(), cluster.mood.clone());
        let requests = cluster.requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (deployment, mood, requests) = (deployment.clone(), mood.clone(), requests.clone());
                thread::spawn(move || serve(stream, &deployment, &mood, &requests));
            }
        });
        cluster
    }

    /// A kubeconfig that leads here.
    pub(crate) fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: it\ncontexts:\n- name: it\n  context: {{cluster: it, user: it}}\n\
             clusters:\n- name: it\n  cluster: {{server: \"http://127.0.0.1:{}\"}}\nusers:\n- name: it\n  user: {{}}\n",
            self.port
        )
    }

    /// How many requests it got.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn replicas(&self) -> i64 {
        self.deployment.lock().unwrap()["spec"]["replicas"].as_i64().unwrap()
    }

    /// Somebody else's edit.
    pub(crate) fn edit(&self, field: &str, value: Value) {
        self.deployment.lock().unwrap()["spec"][field] = value;
    }

    pub(crate) fn field(&self, field: &str) -> Value {
        self.deployment.lock().unwrap()["spec"][field].clone()
    }

    pub(crate) fn is_in(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

/// One request after the other on a connection.
fn serve(stream: TcpStream, deployment: &Mutex<Value>, mood: &Mutex<Mood>, requests: &AtomicUsize) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some((line, content_type, body)) = request(&mut reader) {
        requests.fetch_add(1, Ordering::Relaxed);
        match *mood.lock().unwrap() {
            Mood::Answers => {}
            Mood::HangsUp => return,
            Mood::IsSilent => continue,
        }
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = path.split('?').next().unwrap_or_default();
        let (status, answer) = match (method, path) {
            (_, path) if path != "/apis/apps/v1/namespaces/shop/deployments/cart" => {
                (404, json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}))
            }
            ("GET", _) => (200, deployment.lock().unwrap().clone()),
            ("PATCH", _) => patch(&mut deployment.lock().unwrap(), &content_type, &body),
            _ => (405, json!({"kind": "Status", "status": "Failure", "code": 405})),
        };
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        if writer.write_all((head + &answer).as_bytes()).is_err() {
            return;
        }
    }
}

/// The request line, the content type and the body.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String, Value)> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let (mut length, mut content_type) = (0, String::new());
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        let field = field.trim_end();
        if field.is_empty() {
            break;
        }
        let (name, value) = field.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "content-type" => content_type = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((line, content_type, serde_json::from_slice(&body).unwrap_or_default()))
}

fn patch(deployment: &mut Value, content_type: &str, body: &Value) -> (u16, Value) {
    if content_type.starts_with("application/json-patch+json") {
        for step in body.as_array().unwrap() {
            let at = deployment.pointer_mut(step["path"].as_str().unwrap()).unwrap();
            match step["op"].as_str().unwrap() {
                "test" if *at == step["value"] => {}
                "replace" => *at = step["value"].clone(),
                _ => {
                    return (
                        422,
                        json!({"kind": "Status", "status": "Failure", "reason": "Invalid", "code": 422}),
                    );
                }
            }
        }
    } else {
        deployment["spec"]["replicas"] = body["spec"]["replicas"].clone();
    }
    (200, deployment.clone())
}
