// Lists and their drawers, fetched and replaced without a page load. Without this script, they are
// plain pages. `drawer_form.js` comes first, because its `submit` listener must run before the
// listener for filters.
import "./lists/drawer_form.js";
import "./lists/navigation.js";
import "./lists/row_state.js";
import "./lists/swap.js";
