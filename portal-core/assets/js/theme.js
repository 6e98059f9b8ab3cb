// Theme.
const THEME = ["accent", "gray", "radius", "scaling", "appearance", "density"];
let saving;
const saveTheme = async (form) => {
  const note = $("[data-part=saved]", form);
  const say = (text) => { if (note) note.textContent = text; };
  try {
    const answer = await fetch(form.action, {
      method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual", credentials: "same-origin",
    });
    say(answer.ok || answer.type === "opaqueredirect" ? "Saved" : "Could not be saved");
  } catch {
    say("Could not be saved");
  }
};
on("change", ({ target }) => {
  const form = target.form;
  if (!form?.matches("[data-theme-form]") || !THEME.includes(target.name)) return;
  root.dataset[target.name] = target.value;
  clearTimeout(saving);
  saving = setTimeout(saveTheme, 250, form);
});
on("submit", (event) => {
  if (!event.target.matches("[data-theme-form]")) return;
  event.preventDefault();
  saveTheme(event.target);
});
