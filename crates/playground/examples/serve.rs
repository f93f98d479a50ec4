//! A cluster on loopback to try kubectl on: `cargo run --example serve -- KUBECONFIG [PORT [DIR]]`.
//! It takes 127.77.0.0/16.

use jiff::Timestamp;
use squall_playground::api::{Api, Clock, ServiceRange};
use squall_playground::controllers::{self, Handles, Metrics};
use squall_playground::net::Net;
use squall_playground::node::{self, PodRange};
use squall_playground::program::demo_system;
use squall_playground::serve::{Authority, Server};
use squall_playground::store::Store;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const NETWORK: u8 = 77;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let kubeconfig = arguments.next().ok_or("usage: serve KUBECONFIG [PORT [DIR]]")?;
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let store = match arguments.next() {
        Some(directory) => Store::open(Path::new(&directory))?,
        None => Store::default(),
    };
    let services = ServiceRange { first: Ipv4Addr::new(127, NETWORK, 224, 1), ..ServiceRange::default() };
    let api = Api::new(Arc::new(store), Clock::starting(Timestamp::now())).with_services(services);
    let authority = Authority::new()?;
    let (net, metrics, stop) = (Net::Loopback, Metrics::default(), CancellationToken::new());
    let root_ca = authority.certificate().to_owned();
    let handles = Handles { metrics: metrics.clone(), root_ca, stop: stop.clone(), seed: 1 };
    let _controllers = controllers::run(api.clone(), handles);
    let nodes = node::Config {
        nodes: vec!["playground-0".to_owned()],
        range: PodRange { network: NETWORK },
        net: net.clone(),
        programs: demo_system(),
        volumes: None,
        metrics,
        stop,
    };
    let _nodes = node::run(api.clone(), nodes);
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let server = Server::start(api, &net, address, Some(authority)).await?;
    std::fs::write(&kubeconfig, server.kubeconfig())?;
    println!("{} with {kubeconfig}; Ctrl-C ends it", server.url());
    std::future::pending::<()>().await;
    Ok(())
}
