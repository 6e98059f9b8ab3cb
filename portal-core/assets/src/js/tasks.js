// Tasks: lists updated by a monitor, and single tasks with their logs.
import "./tasks/monitor.js";
import "./tasks/task.js";
import "./tasks/drawer.js";
import "./tasks/cancel_key.js";
import "./tasks/row_actions.js";
import "./tasks/variants.js";
