// Dialog that lists the keyboard shortcuts.
import { areShortcutsEnabled, createElement, writeStored } from "../common/helpers.js";

const COMMAND = /Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl";

const GENERAL = [
  [[COMMAND, "K"], "Search and commands"],
  [["/"], "Search this page"],
  [["?"], "Show shortcuts"],
  [["Esc"], "Close"],
  [["J"], "Next row"],
  [["K"], "Previous row"],
];

const shortcutRow = ([keys, text]) => {
  const names = keys.map((key) => createElement("kbd", {}, key));
  const description = createElement("dt", {}, text);
  return createElement("div", {}, description, createElement("dd", { class: "pt-keys" }, ...names));
};

const section = (title, shortcuts) =>
  createElement(
    "section",
    {},
    createElement("h3", {}, title),
    createElement("dl", {}, ...shortcuts.map(shortcutRow)),
  );

const createSwitch = () => {
  const box = createElement("input", { type: "checkbox", role: "switch", id: "pt-keys-on" });
  box.checked = areShortcutsEnabled();
  box.addEventListener("change", () => writeStored("portal:keys", box.checked ? "on" : "off"));
  const label = createElement("label", { for: "pt-keys-on" }, "Single-key shortcuts");
  const hint = "Turn off if you use voice control or press keys by accident.";
  return createElement(
    "div",
    { class: "pt-check" },
    box,
    label,
    createElement("p", { class: "pt-hint" }, hint),
  );
};

/** Shows the shortcuts, including those for navigation links. */
export const showHelp = (navigationLinks) => {
  const navigation = [...navigationLinks].map(([letter, link]) => [
    ["G", letter.toUpperCase()],
    link.textContent.trim(),
  ]);
  const closeAttributes = { class: "pt-btn", "data-kind": "outline", type: "submit" };
  const dialog = createElement(
    "dialog",
    { class: "pt-dialog pt-sheet", "aria-labelledby": "pt-sheet-title" },
    createElement(
      "div",
      { class: "pt-dialog-body" },
      createElement("h2", { id: "pt-sheet-title" }, "Keyboard shortcuts"),
      section("Anywhere", GENERAL),
      section("Go to", navigation),
      createSwitch(),
    ),
    createElement(
      "form",
      { method: "dialog", class: "pt-dialog-foot" },
      createElement("button", closeAttributes, "Close"),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
};
