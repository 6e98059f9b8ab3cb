// Confirmation dialogs that scripts open.
import { createElement } from "./dom.js";

const button = (kind, label, value) =>
  createElement("button", { class: "pt-btn", "data-kind": kind, value }, label);

/**
 * Shows a confirmation dialog, and resolves to `true` if the user confirms.
 *
 * `attributes` are set on the dialog; `kind` is the kind of the confirm button.
 */
export const confirmAction = ({
  title,
  text,
  dismiss,
  confirm,
  kind = "danger",
  attributes = {},
}) =>
  new Promise((resolve) => {
    const dialog = createElement(
      "dialog",
      {
        class: "pt-dialog",
        "aria-labelledby": "pt-confirm-title",
        "aria-describedby": "pt-confirm-text",
        ...attributes,
      },
      createElement(
        "div",
        { class: "pt-dialog-body" },
        createElement("h2", { id: "pt-confirm-title" }, title),
        createElement("p", { id: "pt-confirm-text" }, text),
      ),
      createElement(
        "form",
        { method: "dialog", class: "pt-dialog-foot" },
        button("outline", dismiss, ""),
        button(kind, confirm, "yes"),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
