// Theme settings. A choice is applied immediately and saved in the background; other browser tabs
// also apply it.
import { $, $$, on, root } from "./dom.js";
import { isThemeSetting, themeChoice } from "./theme_choice.js";
import { toast } from "./toast.js";

const SAVE_DELAY = 250;
const SAVE_FAILED = "Couldn't save. Try again.";

const otherTabs = new BroadcastChannel("portal-theme");

// The automatic option for the gray scale shows the gray scale that matches the accent color.
const showPairedGray = (accent) => {
  const pair =
    $("[name=accent]:checked")?.dataset.pair ?? $(`[name=accent][value="${accent}"]`)?.dataset.pair;
  for (const part of $$("[data-part=pair]")) {
    part.textContent = pair;
    part.closest("label").dataset.accent = accent;
  }
};

const applyChoice = ([name, value, shown]) => {
  root.dataset[name] = shown;
  for (const field of $$(`[data-theme-form] [name=${name}]`)) {
    if (field.type === "radio") field.checked = field.value === value;
    else field.setAttribute("aria-pressed", field.value === shown);
  }
  if (name === "accent") showPairedGray(shown);
};

otherTabs.onmessage = ({ data }) => data.forEach(applyChoice);

const applyChoices = (fields) => {
  const choices = fields.map(themeChoice);
  choices.forEach(applyChoice);
  otherTabs.postMessage(choices);
};

const saveTheme = async (form, fields = new FormData(form)) => {
  const note = $("[data-part=saved]", form);
  let isSaved = false;
  try {
    const response = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(fields),
      redirect: "manual",
      keepalive: true,
    });
    isSaved = response.ok || response.type === "opaqueredirect";
  } catch {
    // The server is unreachable; the failure is reported below.
  }
  if (note) note.textContent = isSaved ? "Saved" : SAVE_FAILED;
  else if (!isSaved) toast(SAVE_FAILED, "danger");
};

let saveTimer;
let unsavedForm;
const saveThemeNow = () => {
  clearTimeout(saveTimer);
  const form = unsavedForm;
  unsavedForm = null;
  return form && saveTheme(form);
};
addEventListener("pagehide", saveThemeNow);

on("change", ({ target }) => {
  const { form } = target;
  if (!form?.matches("[data-theme-form]") || !isThemeSetting(target.name)) return;
  applyChoices([target]);
  unsavedForm = form;
  clearTimeout(saveTimer);
  saveTimer = setTimeout(saveThemeNow, SAVE_DELAY);
});

const toggleSidebar = (button) => {
  const isCollapsed = root.toggleAttribute("data-rail");
  button.value = isCollapsed ? "wide" : "narrow";
  button.setAttribute("aria-expanded", !isCollapsed);
};

on("submit", async (event) => {
  const { target: form, submitter } = event;
  if (!form.matches("[data-theme-form]")) return;
  event.preventDefault();
  const fields = new FormData(form, submitter);
  if (submitter?.name === "reset") applyChoices($$("input[data-shows]", form));
  else if (submitter?.name === "rail") toggleSidebar(submitter);
  else if (submitter?.name) applyChoices([submitter]);
  await saveThemeNow();
  saveTheme(form, fields);
});
