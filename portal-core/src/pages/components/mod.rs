//! Components for pages: plain functions and builders that return [`maud::Markup`].
//!
//! Components do not depend on their callers, write no inline styles or scripts, and work without
//! JavaScript; `assets/src/js` adds live updates, modal drawers and copying.

mod actor;
mod avatar;
mod badge;
mod banner;
mod button;
mod card;
mod chart;
mod code_block;
mod combobox;
mod conflict;
mod dialog;
mod drawer;
mod empty_state;
mod field;
mod icon;
mod keyset_pagination;
mod lazy_assets;
mod link;
mod markdown;
mod menu;
mod page_head;
mod pagination;
mod progress;
mod search_button;
mod small;
mod stat_card;
mod table;
mod tabs;
mod task_list;
mod text_writer;
mod theme_picker;
pub(crate) mod thousands;
mod time;
mod toast;
mod tone;
mod toolbar;
mod tooltip;
mod view_menu;

pub(in crate::pages) use self::link::rel;
pub(in crate::pages) use self::text_writer::write_text;
pub use self::{
    actor::actor_name,
    avatar::{avatar, person, sized_avatar},
    badge::badge,
    banner::Banner,
    button::{Button, ButtonKind},
    card::{Card, detail_list},
    chart::{Chart, ChartCard, ChartContent, Donut, Unit, time_range_links, with_comparison},
    code_block::{CodeBlock, copy_button},
    combobox::Combobox,
    conflict::Conflict,
    dialog::Confirm,
    drawer::Drawer,
    empty_state::EmptyState,
    field::{Field, FieldOption},
    icon::{icon, icon_names, logo, sized_icon},
    keyset_pagination::KeysetPagination,
    markdown::markdown,
    menu::Menu,
    page_head::PageHead,
    pagination::Pagination,
    progress::{announced_progress, indeterminate_progress, progress},
    search_button::search_button,
    small::{breadcrumb, divider, kbd, skeleton},
    stat_card::{StatCard, sparkline},
    table::{Column, Row, SortOrder, Table},
    tabs::{Tab, segmented, segmented_links, tabs},
    task_list::{TaskList, TaskRowView, task_list, task_status},
    theme_picker::ThemePicker,
    time::{TimeFormat, time},
    toast::{toast, toast_region, toast_with_action},
    tone::Tone,
    toolbar::{BulkBar, Toolbar, list_card},
    tooltip::tooltip,
    view_menu::ViewMenu,
};
pub(crate) use icon::{UNKNOWN_ICON, is_icon};

#[cfg(test)]
mod tests;

pub(crate) use table::row_id;
pub(crate) use time::{ago_text, bare_time};
pub(crate) use toolbar::list_scripts;
