//! Configuration from flags, environment, `.env` and defaults.

mod admin_emails;
mod dot_env;
mod limits;
mod mask;
mod origins;
mod settings;
mod values;
mod variables;

pub use limits::{Limits, Rate, Rates};
pub use mask::mask_uri;
pub use origins::is_loopback_host;
pub(crate) use settings::SettingSources;
pub use settings::{SettingSource, Settings};
pub(crate) use values::OWN_HOST;
pub use values::{AppEnv, Config, ConfigError, LogFormat, Secret};
pub(crate) use variables::PORTAL_SETTINGS;
pub use variables::Setting;
