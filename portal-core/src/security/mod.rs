//! Rules for all requests and responses: allowed origins and hosts, sizes, rates, and headers.

mod address;
mod connections;
mod gate;
mod headers;
mod hosts;
mod limits;
mod nul;
mod origin;
mod size;

pub use address::ClientAddress;
pub(crate) use address::{Proxies, network_of};
pub(crate) use connections::{Connections, Place};
pub(crate) use gate::Gate;
pub(crate) use headers::{AnswerHeaders, REQUEST_ID};
pub(crate) use limits::{Class, RateLimits};
pub(crate) use nul::guard_form;
pub(crate) use origin::{Origins, has_bearer};
