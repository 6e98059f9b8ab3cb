// Widgets that few pages need.
import "./widgets/combobox.js";
import "./widgets/progress.js";
import { on, toast } from "./common/helpers.js";

on("click", ({ target }) => {
  const button = target.closest?.("[data-toast]");
  if (button) toast(button.dataset.toast, button.dataset.tone);
});
