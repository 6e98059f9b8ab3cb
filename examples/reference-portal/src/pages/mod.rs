//! The pages of the reference portal; each module is one page.

mod about;
mod app_settings;
mod highlight;
mod home;
mod overview;
mod profile;
mod protected;
