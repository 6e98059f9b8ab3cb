//! Parts of a page that stay true: a region names a topic, and is drawn anew, for whoever is
//! looking and with his rights at that moment, when something of that topic changes.

mod region;

pub use region::{Region, region};
