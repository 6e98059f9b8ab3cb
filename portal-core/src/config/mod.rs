//! What a portal is told from outside: flags, environment, `.env`, defaults.

mod setting;
mod settings;
mod values;

pub use setting::Setting;
pub use settings::{Origin, Settings};
pub use values::{AppEnv, Config, ConfigError, LogFormat, Secret, is_loopback_host};
