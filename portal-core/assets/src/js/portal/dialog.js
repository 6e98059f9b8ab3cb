// Dialogs and drawers.
import { confirmAction } from "./confirm.js";
import { $, on } from "./dom.js";
import { savedStates, unsavedForms } from "./unsaved.js";

const FIELDS = ".pt-drawer-body :is(input:not([type=hidden],[readonly]),select,textarea):enabled";

// On a phone, focusing a field would open the keyboard, which would cover half of the drawer.
const firstField = (drawer) =>
  matchMedia("(pointer:fine)").matches && ($("[aria-invalid=true]", drawer) ?? $(FIELDS, drawer));

/** Opens a dialog as a modal dialog. */
export const openDialog = (dialog) => {
  if (!dialog || dialog.matches(":modal")) return;
  if (dialog.matches(":popover-open")) dialog.hidePopover();
  if (dialog.open) dialog.close();
  dialog.showModal();
  if (!dialog.matches(".pt-drawer") || $("[autofocus]", dialog)) return;
  dialog.tabIndex = -1;
  (firstField(dialog) || dialog).focus();
};

const confirmDiscard = () =>
  confirmAction({
    title: "Discard changes?",
    text: "Your changes haven't been saved.",
    dismiss: "Keep editing",
    confirm: "Discard",
  });

const closeDialog = async (dialog) => {
  if (!dialog) return;
  const forms = unsavedForms(dialog);
  if (forms.length) {
    if (!(await confirmDiscard())) return;
    for (const form of forms) {
      form.reset();
      savedStates.delete(form);
    }
  }
  dialog.close();
  // If the drawer has its own URL, a list on the page can handle returning to the page.
  const { back } = dialog.dataset;
  if (!back) return;
  const event = new CustomEvent("portal:back", { bubbles: true, cancelable: true });
  if (dialog.dispatchEvent(event)) history.replaceState(null, "", back);
};

on("click", (event) => {
  const { target } = event;
  const opener = target.closest("[data-opens]");
  if (opener) {
    event.preventDefault();
    const dialog = document.getElementById(opener.dataset.opens);
    const menu = opener.closest(".pt-menu:popover-open");
    // Closing the menu returns the focus to its button.
    if (menu && !menu.contains(dialog)) menu.hidePopover();
    openDialog(dialog);
    return;
  }
  const dialog = target.closest("dialog");
  if (dialog && target.closest("[data-closes]")) {
    event.preventDefault();
    closeDialog(dialog);
  }
});

// Only a click that starts and ends on the backdrop closes the dialog. A text selection that starts
// in a field and ends on the backdrop does not.
let pressStart = null;
on("pointerdown", ({ target }) => {
  pressStart = target;
});
on("click", ({ target, clientX: x, clientY: y }) => {
  if (target !== pressStart || !target.matches?.("dialog:modal")) return;
  const box = target.getBoundingClientRect();
  if (x < box.left || x > box.right || y < box.top || y > box.bottom) closeDialog(target);
});

on(
  "cancel",
  (event) => {
    const { target } = event;
    if (!target.matches("dialog")) return;
    if (target.dataset.back || unsavedForms(target).length) {
      event.preventDefault();
      closeDialog(target);
    }
  },
  true,
);

customElements.define(
  "pt-modal",
  class extends HTMLElement {
    connectedCallback() {
      openDialog($("dialog[data-open-on-load]", this));
    }
  },
);
