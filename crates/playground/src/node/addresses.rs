//! Addresses of nodes and Pods: a part of 127.0.0.0/8 that belongs to this playground.
//!
//! Invariant: an address belongs to one Pod at a time; the one that was given back longest ago is given next.

use crate::api::ServiceRange;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The first address block of nodes, within the playground's network.
const NODES: u32 = 10;
/// The first address of Pods.
const PODS: u32 = 256 + 1;
/// What follows the last address of Pods: Services begin there.
const END: u32 = 224 * 256;
/// How many Services can have one: the rest, but for the network's broadcast address.
const SERVICES: u32 = 32 * 256 - 2;

/// The network 127.x.0.0/16 of a playground: its nodes, then its Pods; the Services' part is not theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodRange {
    /// `x`.
    pub network: u8,
}

impl PodRange {
    fn at(self, offset: u32) -> IpAddr {
        let base = u32::from(Ipv4Addr::new(127, self.network, 0, 0));
        IpAddr::V4(Ipv4Addr::from(base + offset))
    }

    /// The addresses of its Services.
    pub(crate) fn services(self) -> ServiceRange {
        ServiceRange {
            first: Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(127, self.network, 0, 0)) + END + 1),
            count: SERVICES,
        }
    }

    /// The address of the node with this index.
    pub fn node(self, index: usize) -> IpAddr {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        self.at(NODES + index.min(PODS - NODES - 2))
    }
}

/// Who has which address.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    range: PodRange,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    next: u32,
    free: VecDeque<IpAddr>,
}

/// An address that is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Leased {
    ip: IpAddr,
    state: Arc<Mutex<State>>,
}

impl Leased {
    pub(crate) fn ip(&self) -> IpAddr {
        self.ip
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).free.push_back(self.ip);
    }
}

impl Addresses {
    pub(crate) fn new(range: PodRange) -> Addresses {
        Addresses { range, state: Arc::new(Mutex::new(State { next: PODS, free: VecDeque::new() })) }
    }

    /// An address, if one is left.
    pub(crate) fn lease(&self) -> Option<Leased> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ip = loop {
            if state.next >= END {
                break state.free.pop_front()?;
            }
            let offset = state.next;
            state.next += 1;
            // Some programs take these for a network's own and its broadcast address.
            if !matches!(offset % 256, 0 | 255) {
                break self.range.at(offset);
            }
        };
        Some(Leased { ip, state: self.state.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_used_again_when_all_were() {
        let addresses = Addresses::new(PodRange { network: 7 });
        let first = addresses.lease().map(|leased| leased.ip().to_string());
        assert_eq!(first.as_deref(), Some("127.7.1.1"));
        let mut held: Vec<Leased> = std::iter::from_fn(|| addresses.lease()).collect();
        assert_eq!(held.len(), 223 * 254);
        assert_eq!(held.pop().map(|leased| leased.ip().to_string()).as_deref(), Some("127.7.1.1"));
        assert!(addresses.lease().is_some());
        assert_eq!(PodRange { network: 7 }.node(1).to_string(), "127.7.0.11");
    }

    #[test]
    fn services_have_addresses_in_their_own_network_behind_the_pods() {
        let ServiceRange { first, count } = PodRange { network: 7 }.services();
        assert_eq!(first.to_string(), "127.7.224.1");
        assert_eq!(Ipv4Addr::from_bits(u32::from(first) + count - 1).to_string(), "127.7.255.254");
    }
}
