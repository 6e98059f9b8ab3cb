// Theme. A choice is applied immediately and saved in the background; other tabs of the browser follow.
const THEME = ["accent", "gray", "radius", "scaling", "appearance", "density"];
const themeTabs = new BroadcastChannel("portal-theme");
const applyTheme = ([name, value, shown]) => {
  root.dataset[name] = shown;
  $$(`[data-theme-form] [name=${name}]`).forEach((it) => {
    if (it.type === "radio") it.checked = it.value === value;
    else it.setAttribute("aria-pressed", it.value === shown);
  });
  if (name !== "accent") return;
  const pair = $("[name=accent]:checked")?.dataset.pair ?? $(`[name=accent][value="${shown}"]`)?.dataset.pair;
  $$("[data-part=pair]").forEach((it) => { it.textContent = pair; it.closest("label").dataset.accent = shown; });
};
themeTabs.onmessage = ({ data }) => data.forEach(applyTheme);
const selectTheme = (choices) => { choices.forEach(applyTheme); themeTabs.postMessage(choices); };
const selectedTheme = (it) => [it.name, it.value, it.value || it.dataset.shows];

let saveTimer, unsavedForm;
const saveTheme = async (form, fields = new FormData(form)) => {
  const note = $("[data-part=saved]", form);
  const showNote = (text) => note ? note.textContent = text : text !== "Saved" && toast(text, "danger");
  try {
    const response = await fetch(form.action, {
      method: "POST", body: new URLSearchParams(fields), redirect: "manual", keepalive: true,
    });
    showNote(response.ok || response.type === "opaqueredirect" ? "Saved" : "Couldn't save. Try again.");
  } catch {
    showNote("Couldn't save. Try again.");
  }
};
const saveThemeNow = () => {
  clearTimeout(saveTimer);
  const form = unsavedForm;
  unsavedForm = null;
  return form && saveTheme(form);
};
on("change", ({ target }) => {
  const form = target.form;
  if (!form?.matches("[data-theme-form]") || !THEME.includes(target.name)) return;
  selectTheme([selectedTheme(target)]);
  unsavedForm = form;
  clearTimeout(saveTimer);
  saveTimer = setTimeout(saveThemeNow, 250);
});
addEventListener("pagehide", saveThemeNow);
on("submit", async (event) => {
  const { target: form, submitter } = event;
  if (!form.matches("[data-theme-form]")) return;
  event.preventDefault();
  const fields = new FormData(form, submitter);
  if (submitter?.name === "reset") selectTheme($$("input[data-shows]", form).map(selectedTheme));
  else if (submitter?.name === "rail") {
    const isCollapsed = root.toggleAttribute("data-rail");
    submitter.value = isCollapsed ? "wide" : "narrow";
    submitter.setAttribute("aria-expanded", !isCollapsed);
  } else if (submitter?.name) selectTheme([selectedTheme(submitter)]);
  await saveThemeNow();
  saveTheme(form, fields);
});
