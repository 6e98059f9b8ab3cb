// Dialogs and drawers.
const open = (dialog) => {
  if (!dialog || dialog.matches(":modal")) return;
  if (dialog.matches(":popover-open")) dialog.hidePopover();
  dialog.open && dialog.close();
  dialog.showModal();
  if (!dialog.matches(".pt-drawer") || $("[autofocus]", dialog)) return;
  // On a phone, focusing a field would open the keyboard over half of the drawer.
  const field = matchMedia("(pointer:fine)").matches && ($("[aria-invalid=true]", dialog) ??
    $(".pt-drawer-body :is(input:not([type=hidden],[readonly]),select,textarea):enabled", dialog));
  dialog.tabIndex = -1;
  (field || dialog).focus();
};
const close = async (dialog) => {
  if (!dialog) return;
  const forms = $$("form[data-guard]", dialog).filter(isDirty);
  if (forms.length) {
    if (!(await confirmDiscard("Discard changes?", "Your changes haven't been saved.", "Discard"))) return;
    forms.forEach((form) => { form.reset(); clean.delete(form); });
  }
  dialog.close();
  const { back } = dialog.dataset;
  if (back && dialog.dispatchEvent(new CustomEvent("portal:back", { bubbles: true, cancelable: true }))) history.replaceState(null, "", back);
};
on("click", (event) => {
  const { target } = event;
  const opener = target.closest("[data-opens]");
  if (opener) {
    event.preventDefault();
    const dialog = document.getElementById(opener.dataset.opens);
    const menu = opener.closest(".pt-menu:popover-open");
    // Returns the focus to the button of the menu.
    if (menu && !menu.contains(dialog)) menu.hidePopover();
    open(dialog);
    return;
  }
  const dialog = target.closest("dialog");
  if (dialog && target.closest("[data-closes]")) {
    event.preventDefault();
    close(dialog);
  }
});
// Only a press that starts and ends on the backdrop closes; dragging a selection out of a field does not.
let pressStart = null;
on("pointerdown", ({ target }) => { pressStart = target; });
on("click", ({ target, clientX: x, clientY: y }) => {
  if (target !== pressStart || !target.matches?.("dialog:modal")) return;
  const box = target.getBoundingClientRect();
  if (x < box.left || x > box.right || y < box.top || y > box.bottom) close(target);
});
on("cancel", (event) => {
  if (!event.target.matches("dialog")) return;
  if (event.target.dataset.back || hasUnsaved(event.target)) {
    event.preventDefault();
    close(event.target);
  }
}, true);
customElements.define("pt-modal", class extends HTMLElement {
  connectedCallback() { open($("dialog[data-open-on-load]", this)); }
});

// Menus are popovers. Without support for anchor positioning, place them next to their button.
if (!CSS.supports("position-area", "bottom"))
  on("toggle", ({ target, newState }) => {
    if (newState !== "open" || !target.matches(".pt-menu")) return;
    const box = (target.source ?? $(`[popovertarget="${CSS.escape(target.id)}"]`))?.getBoundingClientRect();
    if (!box) return;
    const { offsetWidth: width, offsetHeight: height } = target;
    const below = target.dataset.place !== "top" && box.bottom + height + 8 < innerHeight;
    target.style.top = (below ? box.bottom : Math.max(4, box.top - height - 8)) + "px";
    target.style.left = Math.max(4, target.dataset.place ? box.left : box.right - width) + "px";
  }, true);
