// Tasks: lists that follow a monitor, and one task with its log.
import "./tasks/monitor.js";
import "./tasks/task.js";
import "./tasks/drawer.js";
import "./tasks/cancel_key.js";
import "./tasks/row_actions.js";
import "./tasks/variants.js";
