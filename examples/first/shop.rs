//! A little shop of two processes, for the first experiment: `front` answers HTTP and asks `stock` how much there is.
//!
//! `front` starts `stock` and starts it again whenever it ends, as an orchestrator would. Its weakness: it connects to `stock`
//! once, at boot, and never again, unless it is started with `reconnects=yes`. Standard library only; `start.sh` builds it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs, io, process, thread};

/// It goes away by itself if nobody stops it.
const LIFETIME: Duration = Duration::from_secs(60);
/// What the orchestrator takes to start `stock` again.
const RESTART: Duration = Duration::from_millis(200);

fn main() -> io::Result<()> {
    let words: Vec<String> = env::args().collect();
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[1..] {
        ["start", folder, reconnects] => start(folder, reconnects),
        ["front", folder, reconnects] => front(folder, *reconnects == "yes"),
        ["stock", port] => stock(port),
        _ => Err(io::Error::other("usage: shop start FOLDER yes|no")),
    }
}

/// Starts `front`, prints its port and leaves it alone.
fn start(folder: &str, reconnects: &str) -> io::Result<()> {
    let mut front = Command::new(env::current_exe()?)
        .args(["front", folder, reconnects])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut port = String::new();
    BufReader::new(front.stdout.take().unwrap()).read_line(&mut port)?;
    print!("{port}");
    Ok(())
}

/// `GET /stock`: what `stock` says, or 500 if it does not answer. Its files in `folder` begin with its port.
fn front(folder: &str, reconnects: bool) -> io::Result<()> {
    thread::spawn(|| {
        thread::sleep(LIFETIME);
        process::exit(0);
    });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    // The port of `stock` must be free again and again, so it is chosen here.
    let stock_port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let file = |name: &str| format!("{folder}/{port}.{name}");
    fs::write(file("front"), process::id().to_string())?;
    let first = spawn_stock(stock_port, &file("stock"))?;
    let stock_file = file("stock");
    thread::spawn(move || keep_running(first, stock_port, &stock_file));

    let connection = Arc::new(Mutex::new(connect(stock_port)));
    println!("{port}");
    for stream in listener.incoming().flatten() {
        let connection = connection.clone();
        thread::spawn(move || {
            let mut connection = connection.lock().unwrap();
            let mut left = ask(&mut connection);
            if left.is_err() && reconnects {
                *connection = connect(stock_port);
                left = ask(&mut connection);
            }
            let (status, text) = match left {
                Ok(left) => ("200 OK", format!("{left} left\n")),
                Err(error) => ("500 Internal Server Error", format!("the stock does not answer: {error}\n")),
            };
            answer(stream, status, &text)
        });
    }
    Ok(())
}

/// A connection, once there is somebody to connect to.
fn connect(port: u16) -> Option<TcpStream> {
    (0..100).find_map(|_| {
        TcpStream::connect(("127.0.0.1", port)).ok().or_else(|| {
            thread::sleep(Duration::from_millis(50));
            None
        })
    })
}

fn ask(connection: &mut Option<TcpStream>) -> io::Result<String> {
    let stream = connection.as_mut().ok_or(io::ErrorKind::NotConnected)?;
    stream.set_read_timeout(Some(Duration::from_secs(3)))?;
    stream.write_all(b"how much?\n")?;
    let mut left = String::new();
    match BufReader::new(stream).read_line(&mut left)? {
        0 => Err(io::ErrorKind::ConnectionReset.into()),
        _ => Ok(left.trim().to_owned()),
    }
}

fn answer(mut stream: TcpStream, status: &str, text: &str) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

fn spawn_stock(port: u16, file: &str) -> io::Result<Child> {
    let child = Command::new(env::current_exe()?)
        .args(["stock", &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    fs::write(file, child.id().to_string())?;
    Ok(child)
}

/// The orchestrator.
fn keep_running(mut child: Child, port: u16, file: &str) {
    loop {
        // `wait` would close the pipe by which `stock` knows that we are alive.
        let alive = child.stdin.take();
        let _ = child.wait();
        drop(alive);
        thread::sleep(RESTART);
        match spawn_stock(port, file) {
            Ok(again) => child = again,
            Err(_) => return,
        }
    }
}

/// Tells everybody who asks how much there is, until `front` is gone.
fn stock(port: &str) -> io::Result<()> {
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    });
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    for mut stream in listener.incoming().flatten() {
        thread::spawn(move || -> io::Result<()> {
            let mut questions = BufReader::new(stream.try_clone()?);
            let mut line = String::new();
            while questions.read_line(&mut line)? > 0 {
                stream.write_all(b"7\n")?;
            }
            Ok(())
        });
    }
    Ok(())
}
