//! Temporary servers, removed when their values are dropped.

mod account;
mod chromedriver;
mod launch;
mod log;
mod portal;
mod postgres;

pub(crate) use self::chromedriver::Chromedriver;
pub(crate) use self::portal::Portal;
pub(crate) use self::postgres::{Cluster, Durability, Postgres, without_settings};
