// Shows the fields of the variant selected in a form.
import { on } from "../common/helpers.js";

on("change", ({ target }) => {
  if (!target.matches("select[data-variants]")) return;
  for (const group of target.closest(".pt-field").parentElement.children) {
    const { variant } = group.dataset;
    if (variant) group.hidden = variant !== target.value;
  }
});
