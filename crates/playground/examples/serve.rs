//! An API server on loopback, without controllers or nodes, to try kubectl on: `cargo run --example serve -- KUBECONFIG [PORT [DIR]]`.

use jiff::Timestamp;
use squall_playground::api::{Api, Clock};
use squall_playground::net::Net;
use squall_playground::serve::{Authority, Server};
use squall_playground::store::Store;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let kubeconfig = arguments.next().ok_or("usage: serve KUBECONFIG [PORT [DIR]]")?;
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let store = match arguments.next() {
        Some(directory) => Store::open(Path::new(&directory))?,
        None => Store::default(),
    };
    let api = Api::new(Arc::new(store), Clock::starting(Timestamp::now()));
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let server = Server::start(api, &Net::Loopback, address, Some(Authority::new()?)).await?;
    std::fs::write(&kubeconfig, server.kubeconfig())?;
    println!("{} with {kubeconfig}; Ctrl-C ends it", server.url());
    std::future::pending::<()>().await;
    Ok(())
}
