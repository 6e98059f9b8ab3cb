//! What a portal is told from outside: flags, environment, `.env`, defaults.

mod limits;
mod origins;
mod setting;
mod settings;
mod values;

pub use limits::{Limits, Rate, Rates};
pub use origins::is_loopback_host;
pub(crate) use setting::PORTAL_SETTINGS;
pub use setting::Setting;
pub(crate) use settings::Sources;
pub use settings::{Origin, Settings};
pub(crate) use values::OWN_HOST;
pub use values::{AppEnv, Config, ConfigError, LogFormat, Secret};
