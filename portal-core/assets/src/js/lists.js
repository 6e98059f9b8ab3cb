// Lists and their drawers, fetched and replaced without a page load. Without this script they are
// plain pages. Forms of drawers are first, since their listener prevents that of the filters.
import "./lists/drawer_form.js";
import "./lists/navigation.js";
import "./lists/row_state.js";
import "./lists/swap.js";
