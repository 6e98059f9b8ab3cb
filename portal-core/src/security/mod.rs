//! Rules for all requests and responses: origins, hosts, sizes, rates, connections and headers.

mod client_address;
mod connections;
mod headers;
mod hosts;
mod nul;
mod origin;
mod rate_limits;
mod request_validation;
mod size;

pub use client_address::ClientAddress;
pub(crate) use client_address::{TrustedProxies, network_of};
pub(crate) use connections::{ConnectionLimiter, ConnectionPermit};
pub(crate) use headers::{REQUEST_ID, ResponseHeaders};
pub(crate) use nul::guard_form;
pub(crate) use origin::{OriginPolicy, is_bearer};
pub(crate) use rate_limits::RateLimits;
pub(crate) use request_validation::RequestValidator;
