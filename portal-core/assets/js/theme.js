// Theme. What is chosen shows at once, is saved behind it, and other tabs of the browser follow.
const THEME = ["accent", "gray", "radius", "scaling", "appearance", "density"];
const themeTabs = new BroadcastChannel("portal-theme");
const wearTheme = ([name, value, shown]) => {
  root.dataset[name] = shown;
  $$(`[data-theme-form] [name=${name}]`).forEach((it) => {
    if (it.type === "radio") it.checked = it.value === value;
    else it.setAttribute("aria-pressed", it.value === shown);
  });
  if (name !== "accent") return;
  const pair = $("[name=accent]:checked")?.dataset.pair ?? $(`[name=accent][value="${shown}"]`)?.dataset.pair;
  $$("[data-part=pair]").forEach((it) => { it.textContent = pair; it.closest("label").dataset.accent = shown; });
};
themeTabs.onmessage = ({ data }) => data.forEach(wearTheme);
const chooseTheme = (choices) => { choices.forEach(wearTheme); themeTabs.postMessage(choices); };
const chosenTheme = (it) => [it.name, it.value, it.value || it.dataset.shows];

let saving, unsaved;
const saveTheme = async (form, fields = new FormData(form)) => {
  const note = $("[data-part=saved]", form);
  const say = (text) => note ? note.textContent = text : text !== "Saved" && toast(text, "danger");
  try {
    const answer = await fetch(form.action, {
      method: "POST", body: new URLSearchParams(fields), redirect: "manual", keepalive: true,
    });
    say(answer.ok || answer.type === "opaqueredirect" ? "Saved" : "This could not be saved");
  } catch {
    say("This could not be saved");
  }
};
const flushTheme = () => {
  clearTimeout(saving);
  const form = unsaved;
  unsaved = null;
  return form && saveTheme(form);
};
on("change", ({ target }) => {
  const form = target.form;
  if (!form?.matches("[data-theme-form]") || !THEME.includes(target.name)) return;
  chooseTheme([chosenTheme(target)]);
  unsaved = form;
  clearTimeout(saving);
  saving = setTimeout(flushTheme, 250);
});
addEventListener("pagehide", flushTheme);
on("submit", async (event) => {
  const { target: form, submitter } = event;
  if (!form.matches("[data-theme-form]")) return;
  event.preventDefault();
  const fields = new FormData(form, submitter);
  if (submitter?.name === "reset") chooseTheme($$("input[data-shows]", form).map(chosenTheme));
  else if (submitter?.name === "rail") {
    const narrow = root.toggleAttribute("data-rail");
    submitter.value = narrow ? "wide" : "narrow";
    submitter.setAttribute("aria-expanded", !narrow);
  } else if (submitter?.name) chooseTheme([chosenTheme(submitter)]);
  await flushTheme();
  saveTheme(form, fields);
});
