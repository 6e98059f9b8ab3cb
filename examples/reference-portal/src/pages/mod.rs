//! Pages of the reference portal, one module each.

mod about;
mod app_settings;
mod highlight;
mod home;
mod overview;
mod profile;
mod protected;
